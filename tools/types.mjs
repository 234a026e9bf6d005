// Type-checks every world with its own tsconfig.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const worlds = ['src/native', 'src/engine', 'tests'].filter((world) => existsSync(`${world}/tsconfig.json`));
const runs = worlds.map((world) => {
  const run = spawnSync('node_modules/.bin/tsc', ['-p', `${world}/tsconfig.json`], { stdio: 'inherit' });
  if (run.error) console.error(`proa: cannot check types: ${run.error.message}`);
  return run;
});
process.exit(runs.every((run) => run.status === 0) ? 0 : 1);
