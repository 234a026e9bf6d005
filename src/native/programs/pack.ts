import { packMain } from '#native/pack/main.ts';
import { defineProgram } from '#sys/program.ts';

defineProgram('pack', packMain);
