// What a program finds when it begins: its environment and its descriptors.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { container, makeBundle, newId, runtime, runtimePath, runtimeRoot, runtimeWith } from './support/container.ts';

test('of two variables with one name the later counts', () => {
  using bundle = makeBundle({
    args: ['env'],
    config: (config) => {
      config.process.env = ['PATH=/bin', 'WORD=first', 'HOME=', 'WORD=second'];
    },
  });
  const { stdout, stderr } = runtime('run', '--bundle', bundle.path, newId());
  assert.equal(stderr, '');
  assert.deepEqual(stdout.trim().split('\n').sort(), ['HOME=/', 'PATH=/bin', 'WORD=second']);
});

test('exec --env replaces a variable of the configuration', () => {
  using running = container({
    config: (config) => {
      config.process.env = ['PATH=/bin', 'WORD=first'];
    },
  });
  const { stdout, stderr } = runtime('exec', '-e', 'WORD=second', '-e', 'WORD=third', running.id, 'env');
  assert.equal(stderr, '');
  assert.deepEqual(stdout.trim().split('\n').sort(), ['HOME=/', 'PATH=/bin', 'WORD=third']);
});

test('exec keeps noNewPrivileges of the configuration unless the option says otherwise', () => {
  const shown = (id: string, ...options: string[]) =>
    runtime('exec', ...options, id, 'grep', 'NoNewPrivs', '/proc/self/status')
      .stdout.split('\t')[1]
      ?.trim();
  using strict = container();
  assert.equal(shown(strict.id), '1');
  assert.equal(shown(strict.id, '--no-new-privs=false'), '0');
  using loose = container({
    config: (config) => {
      config.process.noNewPrivileges = false;
    },
  });
  assert.equal(shown(loose.id), '0');
  assert.equal(shown(loose.id, '--no-new-privs'), '1');
});

/** The descriptors of a container's program, run with `fds` open from 3 up; null leaves a gap. */
function descriptorsOf(fds: ('open' | null)[], options: string[], env = process.env): string[] {
  using bundle = makeBundle({ args: ['sh', '-c', 'ls /proc/$$/fd; true'] });
  const file = openSync('/dev/zero', 'r');
  // A shell in between, since Node.js opens /dev/null where nothing is to be.
  const gaps = fds.map((what, index) => (what ? '' : `${index + 3}>&-`)).join(' ');
  const words = [runtimePath, '--root', runtimeRoot, 'run', ...options, '--bundle', bundle.path, newId()];
  const run = spawnSync('sh', ['-c', `exec "$@" ${gaps}`, 'sh', ...words], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', ...fds.map(() => file)],
  });
  closeSync(file);
  assert.equal(run.stderr, '');
  return run.stdout.trim().split('\n');
}

test('--preserve-fds passes on what is open, and nothing of the runtime in the gaps', { timeout: 20_000 }, () => {
  assert.deepEqual(descriptorsOf(['open', 'open'], ['--preserve-fds=1']), ['0', '1', '2', '3']);
  assert.deepEqual(descriptorsOf(['open', null, 'open'], ['--preserve-fds=60']), ['0', '1', '2', '3', '5']);
});

test('LISTEN_FDS passes descriptors on, and more than there are is no failure', () => {
  const env = { ...process.env, LISTEN_FDS: '3' };
  assert.deepEqual(descriptorsOf(['open'], [], env), ['0', '1', '2', '3']);
  using bundle = makeBundle({ args: ['sh', '-c', 'echo $LISTEN_FDS $LISTEN_PID'] });
  const { stdout } = runtimeWith({ env }, 'run', '--bundle', bundle.path, newId());
  assert.equal(stdout, '3 1\n');
});

test('a program of another user may open its standard streams anew', () => {
  const command = 'echo word > /proc/self/fd/1; stat -L -c %u:%g /proc/self/fd/1 /dev/null';
  using bundle = makeBundle({
    args: ['sh', '-c', command],
    config: (config) => {
      config.process.user = { uid: 1000, gid: 100 };
    },
  });
  // A shell in between, since the pipes of Node.js are sockets.
  const words = [runtimePath, '--root', runtimeRoot, 'run', '--bundle', bundle.path, newId()];
  const run = spawnSync('sh', ['-c', '"$@" | cat', 'sh', ...words], { encoding: 'utf8' });
  assert.equal(run.stderr, '');
  assert.equal(run.stdout, 'word\n1000:100\n0:0\n');
});

test('--log-format takes text and json alone', () => {
  assert.equal(runtime('--log-format', 'json', 'list').status, 0);
  assert.match(runtime('--log-format', 'xml', 'list').stderr, /--log-format: expected text or json, got "xml"/);
});
