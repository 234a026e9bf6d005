// What an agent and monitors do when one of them is lost, or cannot do what it should.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ContainerState } from '#common/protocol/container.ts';
import { Agent, Client, until } from './support/agent.ts';
import { newId } from './support/container.ts';

const sh = (script: string) => ['sh', '-c', script];

const stateOf = async (agent: Agent, id: string) => (await agent.ask(id, 'state')) as unknown as ContainerState;

const runOf = (agent: Agent, id: string) => join(agent.run, 'containers', id);

const recorded = (agent: Agent, id: string) =>
  JSON.parse(readFileSync(join(runOf(agent, id), 'state.json'), 'utf8')) as ContainerState;

/** What the monitor of a container that is there answers, as soon as one does. */
async function eventually(agent: Agent, id: string, holds: (state: ContainerState) => boolean): Promise<void> {
  await until(async () => {
    const state = await stateOf(agent, id).catch(() => undefined);
    return state !== undefined && holds(state);
  });
}

async function killMonitor(agent: Agent, id: string): Promise<void> {
  process.kill((await stateOf(agent, id)).monitor.pid, 'SIGKILL');
}

const runs = (pid: number) => existsSync(`/proc/${pid}/exe`);

test('ids that are no names of directories, too long or options are refused, and nothing is touched', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  const log = { format: 'none', path: '/dev/null', maximumBytes: 0, files: 1, compress: false };
  for (const wrong of ['.', '..', '-x', '--help', 'a/b', '', 'x'.repeat(201)]) {
    using client = new Client(join(agent.run, 'agent'));
    const container = { id: wrong, bundle: '/nowhere', start: true, stdin: 'none', log };
    await assert.rejects(client.ask('create', { container }), /container\.id/, wrong);
  }
  assert.equal((await stateOf(agent, id)).phase, 'running');
  const longest = `${'y'.repeat(180)}.${process.pid}`;
  await agent.create({ args: ['true'], request: { id: longest } });
  assert.equal((await agent.ended(longest)).status, 0);
});

test('whoever hears of the end can use the id at once, and nobody disturbs the new container', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('read line'), request: { stdin: 'open' } });
  // Does not read its answers: the old monitor waits for it before it leaves.
  using slow = agent.monitor(id);
  for (let count = 0; count < 20_000; count++) slow.send({ number: count, ask: 'state' });
  slow.socket.pause();
  using waiter = agent.monitor(id);
  const wait = waiter.ask('wait');
  await agent.ask(id, 'stop', { graceSeconds: 0 });
  await wait;
  await agent.create({ request: { id } });
  await new Promise((done) => setTimeout(done, 1500));
  assert.equal((await stateOf(agent, id)).phase, 'running');
  assert.deepEqual(readdirSync(join(agent.run, 'aside')), []);
});

/** A container that has ended with 9, while a file at `place` keeps that from being recorded. */
async function endUnrecorded(agent: Agent): Promise<{ id: string; place: string }> {
  const id = await agent.create({ args: sh('sleep 0.3; exit 9') });
  const place = join(agent.state, 'containers');
  writeFileSync(place, 'in the way');
  await until(() => recorded(agent, id).phase === 'exited');
  return { id, place };
}

test('an exit that cannot be recorded yet keeps the id, and is recorded when there is room', async () => {
  await using agent = new Agent();
  await agent.start();
  const { id, place } = await endUnrecorded(agent);
  await new Promise((done) => setTimeout(done, 1000));
  assert.equal(recorded(agent, id).exit?.status, 9);
  rmSync(place);
  assert.equal((await agent.ended(id)).status, 9);
});

test('an exit that could not be recorded is recorded by a later agent', async () => {
  await using agent = new Agent();
  await agent.start();
  const { id, place } = await endUnrecorded(agent);
  await agent.kill();
  rmSync(place);
  await agent.start();
  assert.equal((await agent.ended(id)).status, 9);
});

const tracing = spawnSync('strace', ['-V']).status === 0;

test('a monitor that fails is noticed like one that is killed', { skip: !tracing && 'strace is missing' }, async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  const { pid, monitor } = await stateOf(agent, id);
  const words = ['-qq', '-o', '/dev/null', '-e', 'inject=epoll_pwait:error=EINVAL', '-p', String(monitor.pid)];
  const tracer = spawn('strace', words, { stdio: 'ignore' });
  await new Promise((done) => tracer.once('exit', done));
  assert.equal((await agent.ended(id)).failure?.message, 'monitor lost');
  assert.equal(runs(pid as number), false);
});

test('an agent without descriptors for a connection or its process serves it when it has some again', async () => {
  await using agent = new Agent();
  await agent.start();
  const pid = agent.process.pid as number;
  const limit = (files: string) => assert.equal(spawnSync('prlimit', ['-p', `${pid}`, `--nofile=${files}`]).status, 0);
  const [, usual] = /Max open files\s+(\d+)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let free = 0;
  while (used.has(free)) free++;
  // Too few to accept it; and enough for that, but not for the handle of the process.
  for (const files of [free, free + 1]) {
    limit(`${files}:`);
    using client = new Client(join(agent.run, 'agent'));
    const answer = client.ask('list');
    await new Promise((done) => setTimeout(done, 300));
    assert.equal(agent.process.exitCode, null, agent.errors);
    limit(`${usual}:`);
    assert.deepEqual(await answer, []);
  }
});

test('a create that began under an earlier agent is watched by the next', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = newId('agent');
  const creating = agent.create({
    request: { id },
    config: (config) => {
      config.hooks = { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '1'] }] };
    },
  });
  await until(() => existsSync(runOf(agent, id)));
  await agent.kill();
  await agent.start();
  await creating;
  await killMonitor(agent, id);
  assert.equal((await agent.ended(id)).failure?.message, 'monitor lost');
});

test('a question that an earlier agent had accepted becomes a container that the next one watches', async () => {
  await using agent = new Agent();
  await agent.start();
  using early = new Client(join(agent.run, 'agent'));
  await until(() => early.notices.length > 0);
  renameSync(join(agent.run, 'agent'), join(agent.run, 'old'));
  await agent.kill();
  await agent.start();
  const id = newId('agent');
  await agent.createThrough(early, { request: { id } });
  await killMonitor(agent, id);
  await until(() => agent.kept(id)?.exit !== undefined, 20);
  assert.equal((await agent.ended(id)).failure?.message, 'monitor lost');
});

test('an id whose owner died before it had recorded anything is free again', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = newId('agent');
  mkdirSync(runOf(agent, id));
  await agent.create({ request: { id } });
  const other = newId('agent');
  mkdirSync(runOf(agent, other));
  writeFileSync(join(runOf(agent, other), 'request.json'), '{');
  await agent.kill();
  await agent.start();
  await until(() => !existsSync(runOf(agent, other)));
  assert.equal((await stateOf(agent, id)).phase, 'running');
});

test('a damaged record is the loss of one container, at a look and at a start', async () => {
  await using agent = new Agent();
  await agent.start();
  const others = await agent.create();
  for (const damage of ['', '{"phase":', '7', 'null', '{"phase":"running"}']) {
    const id = await agent.create();
    const { pid, monitor } = await stateOf(agent, id);
    writeFileSync(join(runOf(agent, id), 'state.json'), damage);
    process.kill(monitor.pid, 'SIGKILL');
    if (damage === '7') {
      await agent.kill();
      await agent.start();
    }
    assert.equal((await agent.ended(id)).failure?.message, 'monitor lost', damage);
    assert.equal(runs(pid as number), false);
  }
  const alive = await agent.create();
  writeFileSync(join(runOf(agent, alive), 'state.json'), '');
  await assert.rejects(agent.create({ args: ['/no/such'] }));
  await new Promise((done) => setTimeout(done, 500));
  assert.equal((await stateOf(agent, alive)).phase, 'running');
  await agent.ask(alive, 'kill', { signal: 9 });
  assert.equal((await agent.ended(alive)).signal, 9);
  assert.equal((await stateOf(agent, others)).phase, 'running');
});

test('a created container is never started by its restart policy', async () => {
  await using agent = new Agent();
  await agent.start();
  const request = { start: false, restart: { policy: 'always' } } as const;
  const lost = await agent.create({ request });
  await killMonitor(agent, lost);
  assert.equal((await agent.ended(lost)).failure?.message, 'monitor lost');
  const killed = await agent.create({ request });
  await agent.ask(killed, 'kill', { signal: 9 });
  assert.equal((await agent.ended(killed)).signal, 9);
  assert.equal(existsSync(agent.logPath(killed)) ? agent.log(killed).length : 0, 0);
});

test('a lost container that was started later is started again, and later each time', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ request: { start: false, restart: { policy: 'always' } } });
  await agent.ask(id, 'start');
  const delays = [];
  for (let restarts = 1; restarts <= 4; restarts++) {
    await killMonitor(agent, id);
    await eventually(agent, id, (state) => state.restarts === restarts && state.phase === 'running');
    delays.push((await stateOf(agent, id)).lastDelay);
  }
  assert.deepEqual(delays, [100, 200, 400, 800]);
  await agent.ask(id, 'stop', { graceSeconds: 0 });
  assert.equal((await agent.ended(id)).signal, 9);
});

test('a lost container whose first new start fails is started again all the same', async () => {
  await using agent = new Agent();
  await agent.start();
  const gate = join(agent.state, 'gate');
  writeFileSync(gate, '#!/bin/sh\n');
  chmodSync(gate, 0o755);
  const id = await agent.create({
    request: { restart: { policy: 'always' } },
    config: (config) => {
      config.hooks = { createRuntime: [{ path: gate, args: ['gate'] }] };
    },
  });
  rmSync(gate);
  await killMonitor(agent, id);
  await eventually(agent, id, (state) => state.restarts >= 2 && state.exit?.failure !== undefined);
  writeFileSync(gate, '#!/bin/sh\n', { mode: 0o755 });
  await eventually(agent, id, (state) => state.phase === 'running');
});

for (const name of ['runc', 'crun']) {
  const path = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
  test(`a lost container of ${name} ends and is recorded though its bundle is gone`, {
    skip: path === '' ? `${name} is not on this machine` : false,
  }, async () => {
    await using agent = new Agent();
    await agent.start();
    const id = await agent.create({
      request: { runtime: { path } },
      config: (config) => {
        config.ociVersion = '1.0.2';
      },
    });
    const { pid } = await stateOf(agent, id);
    rmSync(join(agent.bundleOf(id), 'config.json'));
    await killMonitor(agent, id);
    assert.equal((await agent.ended(id)).failure?.message, 'monitor lost');
    assert.equal(runs(pid as number), false);
    spawnSync(path, ['delete', '--force', id]);
  });
}

test('what was never seen to run, and cannot be unmade, is given up after some attempts', async () => {
  await using agent = new Agent();
  await agent.start();
  const path = join(agent.state, 'stuck-runtime');
  const calls = join(agent.state, 'calls');
  // It never says what it made, and fails to unmake it.
  const script = `case "$*" in *" create "*) exec sleep 100;; *" delete "*) echo delete >> ${calls}; exit 1;; esac`;
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const id = newId('agent');
  using client = new Client(join(agent.run, 'agent'));
  const creating = agent.createThrough(client, { request: { id, runtime: { path } } });
  await until(() => existsSync(runOf(agent, id)) && recorded(agent, id).monitor !== undefined);
  process.kill(recorded(agent, id).monitor.pid, 'SIGKILL');
  await assert.rejects(creating, /connection was closed/);
  await until(() => !existsSync(runOf(agent, id)), 60);
  const { status, failure } = agent.kept(id)?.exit ?? {};
  assert.deepEqual([status, failure?.message], [137, 'monitor lost']);
  const attempts = readFileSync(calls, 'utf8').trim().split('\n').length;
  assert.equal(attempts, 9);
});

test('a new container does not inherit the exit of an earlier one with its id', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('exit 5') });
  assert.equal((await agent.ended(id)).status, 5);
  await agent.create({ request: { id } });
  assert.equal(agent.kept(id), undefined);
});

test('a question has ten seconds in all, however slowly it comes', async () => {
  await using agent = new Agent();
  await agent.start();
  const socket = connect(join(agent.run, 'agent'));
  const begun = Date.now();
  let answer = '';
  socket.on('data', (bytes) => {
    answer += bytes.toString('latin1');
  });
  socket.on('error', () => {});
  socket.write(Buffer.from([0, 0, 1, 0]));
  const drip = setInterval(() => socket.write(' '), 500);
  await new Promise((done) => socket.once('close', done));
  clearInterval(drip);
  assert.ok(Date.now() - begun < 12_000);
  assert.match(answer, /within 10 seconds/);
});

test('an agent leaves the cgroups of whoever started it, unless a service manager gave it its own', async () => {
  await using agent = new Agent({ prelude: 'export INVOCATION_ID=of-a-terminal SYSTEMD_EXEC_PID=1;' });
  await agent.start();
  assert.equal(agent.errors, '');
  for (const line of readFileSync(`/proc/${agent.process.pid}/cgroup`, 'utf8').trim().split('\n')) {
    const [, name = '', path] = line.split(':');
    const mounted = existsSync(join('/sys/fs/cgroup', name.replace('name=', '') || 'unified', 'cgroup.procs'));
    if (mounted || existsSync('/sys/fs/cgroup/cgroup.procs')) assert.equal(path, '/proa-agent', line);
  }
  await using managed = new Agent({ prelude: 'export INVOCATION_ID=of-a-service SYSTEMD_EXEC_PID=$$;' });
  await managed.start();
  const own = readFileSync('/proc/self/cgroup', 'utf8');
  assert.equal(readFileSync(`/proc/${managed.process.pid}/cgroup`, 'utf8'), own);
});
