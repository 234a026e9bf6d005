// Regenerates files in generated/ folders. With --check each generator compares instead of writing and fails when a file
// would change. Other arguments are handed on.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const generators = ['generate-syscalls.mjs', 'generate-not-yet.mjs'];
const runs = generators.map((name) =>
  spawnSync(process.execPath, [join(import.meta.dirname, name), ...process.argv.slice(2)], { stdio: 'inherit' }),
);
process.exit(runs.every((run) => run.status === 0) ? 0 : 1);
