// What is left when a start is cut short at any of its system calls: nothing, after `delete --force`.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Bundle, runtimePath } from './support/bundle.ts';

const tracing = spawnSync('strace', ['-V']).status === 0;

/** Calls of the longer of the two processes of a run, counted as strace's injection counts them: in each by itself. */
function callsOfRun(bundle: Bundle): number {
  const log = join(bundle.path, 'trace');
  spawnSync('strace', ['-ff', '-o', log, runtimePath, '--root', bundle.root, 'run', bundle.id], {
    cwd: bundle.path,
    stdio: 'ignore',
  });
  const counts = readdirSync(bundle.path)
    .filter((name) => name.startsWith('trace.'))
    .map((name) => readFileSync(join(bundle.path, name), 'utf8').split('\n').length);
  return Math.max(...counts);
}

/** The processes that were started for this bundle and are still there. */
function processesOf(bundle: Bundle): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(bundle.root);
      } catch {
        return false;
      }
    });
}

function cutEverywhere(what: string, injection: (n: number) => string): void {
  using bundle = new Bundle({
    config(config) {
      const syscalls = [{ names: ['ptrace'], action: 'SCMP_ACT_ERRNO' as const }];
      config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls };
    },
  });
  const calls = callsOfRun(bundle);
  assert.ok(calls > 100, `${calls} calls`);
  for (let n = 1; n <= calls; n++) {
    const strace = ['-f', '-qq', '-o', '/dev/null', `--inject=all:${injection(n)}`];
    const run = spawnSync('strace', [...strace, runtimePath, '--root', bundle.root, 'run', bundle.id], {
      cwd: bundle.path,
      stdio: 'ignore',
      timeout: 20_000,
    });
    assert.notEqual(run.error?.message, 'ETIMEDOUT', `${what} at call ${n}: no end`);
    const cleared = bundle.runtime('delete', '--force', bundle.id);
    assert.equal(cleared.status, 0, `${what} at call ${n}: ${cleared.stderr}`);
    assert.deepEqual(bundle.leftovers(), [], `${what} at call ${n}`);
    assert.deepEqual(processesOf(bundle), [], `${what} at call ${n}`);
  }
}

test('a run killed at any system call leaves nothing after delete --force', {
  skip: !tracing && 'strace is missing',
}, () => {
  cutEverywhere('killed', (n) => `signal=KILL:when=${n}`);
});

test('a run whose system calls fail, one at a time, leaves nothing after delete --force', {
  skip: !tracing && 'strace is missing',
}, () => {
  cutEverywhere('failed', (n) => `error=EIO:when=${n}`);
});

test('a thousand runs leave no cgroup, mount, process or file behind', () => {
  using bundle = new Bundle();
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length;
  for (let n = 0; n < 1000; n++) {
    const { status, stderr } = bundle.run();
    assert.equal(status, 0, `run ${n}: ${stderr}`);
  }
  assert.deepEqual(bundle.leftovers(), []);
  assert.deepEqual(processesOf(bundle), []);
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length, mounts);
});
