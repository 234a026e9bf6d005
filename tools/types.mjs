// Type-checks every world with its own tsconfig.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const worlds = ['src/native', 'src/engine', 'tests'].filter((world) => existsSync(`${world}/tsconfig.json`));
const runs = worlds.map((world) => spawnSync('npx', ['tsc', '-p', `${world}/tsconfig.json`], { stdio: 'inherit' }));
process.exit(runs.every((run) => run.status === 0) ? 0 : 1);
