import { unpackMain } from '#native/unpack/main.ts';
import { defineProgram } from '#sys/program.ts';

defineProgram('unpack', unpackMain);
