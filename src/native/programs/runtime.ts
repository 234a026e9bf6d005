import { runtimeMain } from '#runtime/main.ts';
import { defineProgram } from '#sys/program.ts';

defineProgram('runtime', runtimeMain);
