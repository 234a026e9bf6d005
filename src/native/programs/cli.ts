import { clientMain } from '#native/cli/main.ts';
import { defineProgram } from '#sys/program.ts';

defineProgram('cli', clientMain);
