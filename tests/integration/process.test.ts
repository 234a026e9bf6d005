// What a program finds when it begins: its environment and its descriptors.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Process } from '#common/runtime-spec/types.ts';
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
  const words = [runtimePath, '--root', runtimeRoot, 'run', '--bundle', bundle.path, newId()];
  const run = spawnSync('sh', ['-c', 'export LISTEN_PID=$$; exec "$@"', 'sh', ...words], { env, encoding: 'utf8' });
  assert.equal(run.stdout, '3 1\n');
});

test('descriptors that a service manager passed to somebody else stay out of the container', () => {
  const env = { ...process.env, LISTEN_FDS: '1', LISTEN_PID: String(process.pid) };
  using bundle = makeBundle({ args: ['sh', '-c', 'echo "[$LISTEN_FDS]"; ls /proc/$$/fd; true'] });
  const { stdout } = runtimeWith({ env }, 'run', '--bundle', bundle.path, newId());
  assert.equal(stdout, '[]\n0\n1\n2\n');
});

test('exec --process: what the file leaves out is as for the container', () => {
  using running = container({
    config: (config) => {
      config.process.oomScoreAdj = 300;
      config.process.rlimits = [{ type: 'RLIMIT_CORE', soft: 5120, hard: 5120 }];
    },
  });
  const shown = (more: Partial<Process>) => {
    const script = 'grep CapEff /proc/self/status; cat /proc/self/oom_score_adj; ulimit -c';
    const given = { args: ['sh', '-c', script], cwd: '/', env: ['PATH=/bin'], ...more };
    const file = join(running.bundle.path, 'process.json');
    writeFileSync(file, JSON.stringify(given));
    const { stdout, stderr } = runtime('exec', '--process', file, running.id);
    assert.equal(stderr, '');
    return stdout.split(/\s+/).slice(1, 4);
  };
  const { stdout } = runtime('exec', running.id, 'grep', 'CapEff', '/proc/self/status');
  assert.notEqual(Number(`0x${stdout.split('\t')[1]}`), 0);
  assert.deepEqual(shown({}), [stdout.split('\t')[1]?.trim(), '300', '10']);
  const other: Partial<Process> = {
    capabilities: {},
    oomScoreAdj: 400,
    rlimits: [{ type: 'RLIMIT_CORE', soft: 1024, hard: 1024 }],
  };
  assert.deepEqual(shown(other), ['0000000000000000', '400', '2']);
});

test('limits that need all 64 bits, and nulls of the configuration, are the same for further processes', () => {
  const without = 2n ** 64n - 1n;
  const rlimits = [{ type: 'RLIMIT_CORE', soft: 'soft', hard: 'hard' }];
  using bundle = makeBundle({ config: ({ process }) => Object.assign(process, { rlimits }) });
  const file = join(bundle.path, 'config.json');
  const text = readFileSync(file, 'utf8').replace(/"(soft|hard)":"\w+"/g, `"$1":${without}`);
  writeFileSync(file, text.replace(/"ambient":\[.*?\]/, '"ambient":null'));
  const id = newId();
  assert.equal(runtime('run', '--detach', '--bundle', bundle.path, id).stderr, '');
  try {
    const process = { args: ['sh', '-c', 'ulimit -c'], cwd: '/', env: ['PATH=/bin'] };
    const given = join(bundle.path, 'process.json');
    writeFileSync(given, JSON.stringify(process));
    for (const words of [
      ['--process', given, id],
      ['--cap', 'CAP_SYS_TIME', id, ...process.args],
    ]) {
      const { stdout, stderr } = runtime('exec', ...words);
      assert.equal(stderr, '');
      assert.equal(stdout, 'unlimited\n');
    }
  } finally {
    runtime('delete', '--force', id);
  }
});

test('a caller that ignores the ends of its children does not make the runtime deaf to them', {
  timeout: 20_000,
}, () => {
  using bundle = makeBundle({
    args: ['sh', '-c', 'sleep 0.1; exit 3'],
    config: (config) => {
      config.hooks = { createRuntime: [{ path: '/bin/true' }] };
    },
  });
  const words = [runtimePath, '--root', runtimeRoot, 'run', '--bundle', bundle.path, newId()];
  const run = spawnSync('sh', ['-c', 'trap "" CHLD; exec "$@"', 'sh', ...words], { encoding: 'utf8', timeout: 10_000 });
  assert.equal(run.stderr, '');
  assert.equal(run.status, 3);
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

test('--log-format takes text and json alone, and holds for errors on standard error', () => {
  assert.equal(runtime('--log-format', 'json', 'list').status, 0);
  assert.match(runtime('--log-format', 'xml', 'list').stderr, /--log-format: expected text or json, got "xml"/);
  const { level, msg } = JSON.parse(runtime('--log-format', 'json', 'state', 'missing').stderr);
  assert.deepEqual([level, msg], ['error', 'container "missing" does not exist']);
  assert.match(runtime('--log', '', 'state', 'missing').stderr, /^proa-runtime: container "missing" does not exist\n$/);
});

test('a start is no worse for a log that ends before it', () => {
  using bundle = makeBundle({ args: ['true'] });
  const id = newId();
  const words = [runtimePath, '--debug', '--root', runtimeRoot, 'run', '--bundle', bundle.path, id];
  const { stdout } = spawnSync('sh', ['-c', '"$@" 2>&1 | head -n 1', 'sh', ...words], { encoding: 'utf8' });
  assert.match(stdout, /level=debug msg="run --bundle/);
  assert.match(runtime('state', id).stderr, /does not exist/);
});

test('--debug logs what was asked and every step of it, in both processes', () => {
  using bundle = makeBundle({ args: ['true'] });
  const log = join(bundle.path, 'log');
  const options = ['--log', log, '--log-format', 'json'];
  const { stderr } = runtime('--debug', ...options, 'run', '--bundle', bundle.path, newId());
  assert.equal(stderr, '');
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const messages = lines.map((line) => JSON.parse(line) as { level: string; msg: string });
  assert.ok(messages.every(({ level }) => level === 'debug'));
  assert.match(messages[0]?.msg ?? '', /^run --bundle /);
  assert.ok(messages.some(({ msg }) => /^run: claim the id: done in [\d.]+ ms$/.test(msg)));
  assert.ok(messages.some(({ msg }) => /^run: build the container: .*mask paths: done/.test(msg)));
  const before = lines.length;
  assert.equal(runtime(...options, 'run', '--bundle', bundle.path, newId()).status, 0);
  assert.equal(readFileSync(log, 'utf8').trimEnd().split('\n').length, before);
});
