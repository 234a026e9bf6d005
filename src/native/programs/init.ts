import { initMain } from '#native/init/main.ts';
import { defineProgram } from '#sys/program.ts';

defineProgram('init', initMain);
