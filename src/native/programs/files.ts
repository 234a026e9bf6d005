import { filesMain } from '#native/files/main.ts';
import { defineProgram } from '#sys/program.ts';

defineProgram('files', filesMain);
