// Runs tests/integration/*.test.ts, one file after the other: they need root and a real kernel. Arguments: substrings of
// file names. They have a mount namespace of their own, with the cgroups that crun wants.
import { spawnSync } from 'node:child_process';
import { cgroupsForCrun } from './enter.mjs';
import { runOnNode } from './node-tests.mjs';
import { sourceFiles } from './sources.mjs';

const INSIDE = '--inside';
const [first, ...rest] = process.argv.slice(2);

function runInside(words) {
  const files = sourceFiles('tests/integration').filter(
    (file) => file.endsWith('.test.ts') && (words.length === 0 || words.some((word) => file.includes(word))),
  );
  return runOnNode('integration', files, {
    concurrency: false,
    programs: sourceFiles('tests/integration/programs'),
  });
}

if (first === INSIDE) process.exit((await runInside(rest)) ? 0 : 1);
const script = `set -e${cgroupsForCrun('')}\nexec "$@"`;
const command = [process.execPath, import.meta.filename, INSIDE, ...process.argv.slice(2)];
const namespace = ['--mount', '--propagation', 'slave', 'bash', '--norc', '-c', script, 'integration', ...command];
process.exit(spawnSync('unshare', namespace, { stdio: 'inherit' }).status ?? 1);
