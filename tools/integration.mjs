// Runs tests/integration/*.test.ts, one file after the other: they need root and a real kernel. Arguments: substrings of
// file names. They have a mount namespace of their own, with the cgroups that crun wants.
import { spawn } from 'node:child_process';
import { cgroupsForCrun } from './enter.mjs';
import { runOnNode } from './node-tests.mjs';
import { sourceFiles } from './sources.mjs';
import { stop } from './system.mjs';

const INSIDE = '--inside';
const [first, ...rest] = process.argv.slice(2);

function runInside(words) {
  const files = sourceFiles('tests/integration').filter(
    (file) => file.endsWith('.test.ts') && (words.length === 0 || words.some((word) => file.includes(word))),
  );
  const programs = sourceFiles('tests/integration/programs');
  return runOnNode('integration', files, { concurrency: false, programs });
}

if (first === INSIDE) process.exit((await runInside(rest)) ? 0 : 1);
// What was mounted for them is empty again at the end: only then does the kernel let go of it. The directory stays, for
// somebody else may have something mounted there by now.
const script = `${cgroupsForCrun('')}
  "$@"
  status=$?
  if [ "$mounted" ]; then find /sys/fs/cgroup/hugetlb -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null; fi
  exit $status`;
const command = [process.execPath, import.meta.filename, INSIDE, ...process.argv.slice(2)];
const shell = ['--mount', '--propagation', 'slave', 'bash', '--norc', '-c', script, 'integration', ...command];
const child = spawn('unshare', shell, { stdio: 'inherit' });
child.on('error', (error) => stop(error.message));
child.on('exit', (status) => process.exit(status ?? 1));
