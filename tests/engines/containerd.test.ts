import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  cgroupFile,
  cgroupsBelow,
  fullCapabilities,
  makeRootfs,
  type Outcome,
  openSite,
  runtimePath,
  type Site,
} from './support.ts';

let site: Site;
let rootfs = '';
const socket = '/run/containerd-test.sock';
const ctr = (...line: string[]): string[] => ['ctr', '--address', socket, '--namespace', site.cgroup, ...line];
const runLine = (...line: string[]): string[] =>
  ctr('run', '--runtime', 'io.containerd.runc.v2', '--runc-binary', runtimePath, '--rootfs', ...line);

function good(outcome: Outcome): string {
  assert.equal(outcome.status, 0, `exit ${outcome.status}: ${outcome.stdout}${outcome.stderr}`);
  return outcome.stdout.trim();
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (condition()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(`never: ${what}`);
}

const statusOf = (id: string) =>
  new RegExp(`^${id}\\s+\\d+\\s+(\\w+)`, 'm').exec(site.run(ctr('tasks', 'ls')).stdout)?.[1];
const pidOf = (id: string) => new RegExp(`^${id}\\s+(\\d+)`, 'm').exec(site.run(ctr('tasks', 'ls')).stdout)?.[1] ?? '';

async function withSleeper(id: string, body: () => void | Promise<void>): Promise<void> {
  good(site.run(runLine('--detach', rootfs, id, '/bin/sleep', '1000')));
  try {
    await body();
  } finally {
    site.run(ctr('tasks', 'rm', '--force', id));
    site.run(ctr('containers', 'rm', id));
  }
}

before(async () => {
  site = await openSite('containerd');
  rootfs = join(site.work, 'rootfs');
  await makeRootfs(rootfs);
  mkdirSync(join(site.work, 'root'));
  const config = join(site.work, 'config.toml');
  const disabled = ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.runtime', 'io.containerd.cri.v1.images'];
  writeFileSync(config, `version = 2\ndisabled_plugins = ${JSON.stringify(disabled)}\n`);
  const flags = [
    '--config',
    config,
    '--address',
    socket,
    '--root',
    join(site.work, 'root'),
    '--state',
    '/run/containerd-state',
  ];
  await site.daemon(['containerd', ...flags, '--log-level', 'warn'], ['ctr', '--address', socket, 'version']);
});
after(async () => {
  if (process.env['ENGINE_LOG']) console.error(site.log('containerd'));
  await site?.end();
});

test('containerd: run gives output and status', () => {
  assert.equal(good(site.run(runLine('--rm', rootfs, 'one', '/bin/echo', 'hello'))), 'hello');
  assert.equal(site.run(runLine('--rm', rootfs, 'two', '/bin/sh', '-c', 'exit 7')).status, 7);
});

test('containerd: a program that is not there is an error', () => {
  const outcome = site.run(runLine('--rm', rootfs, 'three', 'no-such-program'));
  assert.notEqual(outcome.status, 0);
  assert.match(outcome.stderr, /executable file not found/);
});

test('containerd: run with a terminal', () => {
  const line = runLine('--rm', '--tty', rootfs, 'terminal', '/bin/sh', '-c', '"test -t 0 && echo a terminal"');
  assert.match(
    good(site.run(['script', '--quiet', '--return', '--command', line.join(' '), '/dev/null'])),
    /a terminal/,
  );
});

test('containerd: exec, with status and with a terminal', async () => {
  await withSleeper('execs', () => {
    const exec = (id: string, ...line: string[]) => ctr('tasks', 'exec', '--exec-id', id, ...line);
    assert.match(good(site.run(exec('e1', 'execs', '/bin/ps'))), /sleep 1000/);
    assert.equal(site.run(exec('e2', 'execs', '/bin/sh', '-c', 'exit 5')).status, 5);
    const line = exec('e3', '--tty', 'execs', '/bin/sh', '-c', '"test -t 0 && echo a terminal"');
    assert.match(
      good(site.run(['script', '--quiet', '--return', '--command', line.join(' '), '/dev/null'])),
      /a terminal/,
    );
  });
});

test('containerd: pause and resume', async () => {
  await withSleeper('pauses', () => {
    good(site.run(ctr('tasks', 'pause', 'pauses')));
    assert.equal(statusOf('pauses'), 'PAUSED');
    assert.match(cgroupFile(site, pidOf('pauses'), ['freezer', 'freezer.state'], 'cgroup.freeze'), /^(FROZEN|1)$/);
    good(site.run(ctr('tasks', 'resume', 'pauses')));
    assert.equal(statusOf('pauses'), 'RUNNING');
  });
});

test('containerd: limits are in the cgroup’s files', () => {
  const line = ['/bin/sh', '-c', 'sleep 1000'];
  good(site.run(runLine('--detach', '--memory-limit', '67108864', '--cpu-shares', '512', rootfs, 'limited', ...line)));
  const pid = pidOf('limited');
  assert.equal(cgroupFile(site, pid, ['memory', 'memory.limit_in_bytes'], 'memory.max'), '67108864');
  assert.match(cgroupFile(site, pid, ['cpu', 'cpu.shares'], 'cpu.weight'), /^(512|20|59)$/);
  good(site.run(ctr('tasks', 'rm', '--force', 'limited')));
  good(site.run(ctr('containers', 'rm', 'limited')));
});

test('containerd: kill, then remove', async () => {
  await withSleeper('killed', async () => {
    good(site.run(ctr('tasks', 'kill', '--signal', 'SIGKILL', 'killed')));
    await until('the task has stopped', () => statusOf('killed') === 'STOPPED');
    site.run(ctr('tasks', 'rm', 'killed'));
    assert.equal(statusOf('killed'), undefined);
  });
});

test('containerd: seccomp, privileged, read-only', () => {
  const seccomp = runLine('--rm', '--seccomp', rootfs, 'secured', '/bin/grep', 'Seccomp:', '/proc/self/status');
  assert.match(good(site.run(seccomp)), /Seccomp:\s*2/);
  const privileged = runLine('--rm', '--privileged', rootfs, 'privileged', '/bin/grep', 'CapEff', '/proc/self/status');
  assert.match(good(site.run(privileged)), fullCapabilities(site));
  const readOnly = site.run(runLine('--rm', '--read-only', rootfs, 'read-only', '/bin/touch', '/file'));
  assert.match(readOnly.stderr + readOnly.stdout, /Read-only file system/);
});

test('containerd: removed containers leave no cgroup', () => {
  assert.deepEqual(cgroupsBelow(site.cgroup), []);
});
