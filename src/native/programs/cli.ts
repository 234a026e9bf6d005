import { writeAll } from '#sys/files.ts';
import { defineProgram } from '#sys/program.ts';

/** The client; its commands come with the engine. */
defineProgram('cli', () => {
  writeAll(2, 'proa: this release holds no client yet: call the binary as "proa-runtime" or "proa-init"\n');
  return 1;
});
