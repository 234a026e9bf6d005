// What must hold for years, at a pace that a test can wait for. PROA_ENDURANCE=10000 repeats as often as is promised.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ContainerState } from '#common/protocol/container.ts';
import { Agent, Client, until } from './support/agent.ts';

const wanted = Number(process.env['PROA_ENDURANCE'] ?? 0);
const execs = wanted || 300;
const orphans = wanted || 1000;

const sh = (script: string) => ['sh', '-c', script];

/** Attaches to monitors in a process of its own, says so, and reads at first nothing of what it is sent. */
const attacher = `
const { connect } = require('node:net');
const frame = (body) => Buffer.concat([Buffer.from([0, 0, 0, body.length]), Buffer.from(body)]);
let left = process.argv.length - 1;
for (const path of process.argv.slice(1)) {
  const socket = connect(path);
  const done = () => --left || console.log('attached');
  socket.on('error', done);
  for (const body of ['{"hello":1}', '{"number":1,"ask":"attach","stdin":false,"stdout":true,"stderr":true}'])
    socket.write(frame(body));
  socket.once('readable', done);
}`;

async function attachToAll(agent: Agent, ids: readonly string[]): Promise<ChildProcess> {
  const paths = ids.map((id) => join(agent.run, 'containers', id, 'monitor'));
  const client = spawn(process.execPath, ['-e', attacher, ...paths], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((done) => client.stdout.once('data', done));
  return client;
}

async function end(client: ChildProcess): Promise<void> {
  const gone = new Promise((done) => client.once('exit', done));
  client.kill('SIGKILL');
  await gone;
}

async function known(agent: Agent): Promise<string[]> {
  using client = new Client(join(agent.run, 'agent'));
  return (await client.ask('list')) as string[];
}

const stateOf = async (agent: Agent, id: string) => (await agent.ask(id, 'state')) as unknown as ContainerState;

test('50 containers print, restart and are checked while their agent and all clients are killed again and again', async () => {
  await using agent = new Agent();
  await agent.start();
  const lines = 12;
  const runs = 4;
  const health = { args: ['true'], interval: 1500, timeout: 5000, retries: 3, startPeriod: 0, startInterval: 1500 };
  const ids: string[] = [];
  for (let index = 0; index < 50; index++) {
    // They wait for our word, so that none has ended when the last is made.
    const id = await agent.create({
      args: sh(
        `i=0; while [ $i -lt ${lines} ]; do echo $i; echo $i >&2; i=$((i+1)); sleep 0.4; done; exit ${index + 1}`,
      ),
      request: { start: false, health, restart: { policy: 'on-failure', maximumRetries: runs - 1 } },
    });
    ids.push(id);
  }
  const lasting = await agent.create({ request: { health } });
  await Promise.all(ids.map((id) => agent.ask(id, 'start')));
  for (let kills = 0; kills < 5; kills++) {
    const clients = await attachToAll(agent, ids);
    await agent.kill();
    await end(clients);
    const since = new Date().toISOString();
    // Nobody but the monitors is there, and checks go on.
    await until(async () => {
      const { health: kept } = await stateOf(agent, lasting);
      return kept?.checks.some(({ start, status }) => start > since && status === 0) === true;
    });
    await agent.start();
    const listed = await known(agent);
    for (const id of [lasting, ...ids]) assert.ok(listed.includes(id) || agent.kept(id)?.phase === 'exited', id);
  }
  await agent.ask(lasting, 'remove');
  const once = Array.from({ length: lines }, (_, line) => line);
  for (const [index, id] of ids.entries()) {
    await until(() => agent.kept(id)?.phase === 'exited', 60);
    const { status, failure } = await agent.ended(id);
    assert.deepEqual({ status, failure }, { status: index + 1, failure: undefined }, id);
    assert.equal(agent.kept(id)?.restarts, runs - 1);
    for (const stream of ['stdout', 'stderr']) {
      const printed = agent.log(id).filter((line) => line.startsWith(stream));
      const numbers = printed.map((line) => Number(line.slice(`${stream} F `.length)));
      assert.deepEqual(numbers, Array.from({ length: runs }, () => once).flat(), `${stream} of ${id}`);
    }
  }
  assert.deepEqual(await known(agent), []);
});

/** What a process holds. PSS counts memory that n processes share as an n-th: proc_pid_smaps(5). */
function holdings(pid: number): { pssKilobytes: number; descriptors: number; children: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return {
    pssKilobytes: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    children: childrenOf(pid).length,
  };
}

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
}

/** Repeats, and checks that the process then holds what it held before. */
async function repeat(pid: number, count: number, body: (index: number) => Promise<void>): Promise<string> {
  // Whoever asked before has left, and what the start took is given back.
  await new Promise((done) => setTimeout(done, 3000));
  const idle = holdings(pid);
  const memory = async () => {
    const now = () => holdings(pid);
    await until(() => now().descriptors <= idle.descriptors && now().children <= idle.children).catch(() => {});
    const { pssKilobytes, ...others } = now();
    assert.deepEqual({ pssKilobytes: idle.pssKilobytes, ...others }, idle);
    return pssKilobytes;
  };
  const settled = Math.min(1000, Math.floor(count / 3));
  for (let index = 0; index < settled; index++) await body(index);
  const before = await memory();
  for (let index = settled; index < count; index++) await body(index);
  const after = await memory();
  const facts = `PSS ${idle.pssKilobytes} KB, after ${settled} ${before} KB, after ${count} ${after} KB`;
  assert.ok(after - before < 64, facts);
  return facts;
}

test(`${execs} execs leave no descriptor, no process and no memory in the monitor`, async (t) => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: ['sleep', '100000'] });
  const { monitor } = await stateOf(agent, id);
  const process = { args: ['/bin/true'], cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'] };
  const streams = { stdin: true, stdout: true, stderr: true };
  const facts = await repeat(monitor.pid, execs, async () => {
    using client = agent.monitor(id);
    const { exec } = (await client.ask('exec', { process, ...streams })) as { exec: string };
    using attached = agent.monitor(id);
    await attached.attach('exec-attach', { exec, ...streams }, () => {});
    await client.ask('exec-start', { exec });
    assert.equal(((await client.ask('exec-wait', { exec })) as { status: number }).status, 0);
    await attached.closed;
  });
  t.diagnostic(facts);
});

test(`${execs} askers that leave while they wait are forgotten`, async (t) => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: ['sleep', '100000'] });
  const { monitor } = await stateOf(agent, id);
  const process = { args: ['sleep', '100000'], cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'] };
  const exec = await agent.ask(id, 'exec', { process, stdin: false, stdout: false, stderr: false });
  const facts = await repeat(monitor.pid, execs, async () => {
    using client = agent.monitor(id);
    const lost = [client.ask('wait'), client.ask('wait', { condition: 'cleaned' }), client.ask('exec-wait', exec)];
    for (const answer of lost) answer.catch(() => {});
    await client.ask('watch');
    // Answered after the others were heard.
    await client.ask('state');
  });
  t.diagnostic(facts);
});

test(`${orphans} orphans leave no zombie in the monitor`, async (t) => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    // Its orphans are the monitor's, since there is no init of a pid namespace.
    args: sh(`i=0; while [ $i -lt ${orphans} ]; do (true & ) & wait; i=$((i+1)); done; echo all; exec sleep 100000`),
    config: (config) => {
      config.linux.namespaces = (config.linux.namespaces ?? []).filter(({ type }) => type !== 'pid');
    },
  });
  const { monitor, pid } = await stateOf(agent, id);
  await until(() => agent.log(id).includes('stdout F all'), 60 + orphans / 100);
  await until(() => childrenOf(monitor.pid).length <= 1).catch(() => {});
  assert.deepEqual(childrenOf(monitor.pid), [`${pid}`]);
  t.diagnostic(`PSS ${holdings(monitor.pid).pssKilobytes} KB`);
});

test('a monitor that has nothing to do gives back what it took to pass output on', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: sh('for i in 1 2 3 4 5 6 7 8; do head -c 300000 /dev/zero; sleep 0.1; done; echo; echo done; sleep 100000'),
  });
  const { monitor } = await stateOf(agent, id);
  let busy = 0;
  await until(() => {
    busy = Math.max(busy, holdings(monitor.pid).pssKilobytes);
    return agent.log(id).at(-1) === 'stdout F done';
  });
  await until(() => holdings(monitor.pid).pssKilobytes <= busy - 64);
});

test('a monitor whose container never rests gives back what the start took, as a quiet one does', async () => {
  await using agent = new Agent();
  await agent.start();
  const pssOf = async (script: string) => {
    const id = await agent.create({ args: sh(script) });
    const { monitor } = await stateOf(agent, id);
    return () => holdings(monitor.pid).pssKilobytes;
  };
  const quiet = await pssOf('sleep 100000');
  const atFirst = quiet();
  await until(() => quiet() < atFirst / 2);
  const restless = await pssOf('while :; do echo line; sleep 0.1; done');
  // Its buffer for what is read, and what is in use while it logs.
  await until(() => restless() < quiet() + 512);
});

test('a container with 6 MB of memory starts, is checked and execs: its monitor is not in its cgroup', async () => {
  await using agent = new Agent();
  await agent.start();
  const limit = 6_000_000;
  const health = { args: ['true'], interval: 100, timeout: 5000, retries: 1, startPeriod: 0, startInterval: 100 };
  const id = await agent.create({
    args: ['sleep', '100000'],
    config: (config) => {
      config.linux.resources = { ...config.linux.resources, memory: { limit, swap: limit } };
    },
    request: { health },
  });
  await until(async () => (await stateOf(agent, id)).health?.status === 'healthy');
  const { monitor, pid } = await stateOf(agent, id);
  const cgroup = (of: number) => readFileSync(`/proc/${of}/cgroup`, 'utf8');
  assert.notEqual(cgroup(monitor.pid), cgroup(pid ?? 0));
  const exit = await agent.ask(id, 'stop', { graceSeconds: 0 });
  assert.deepEqual([exit['status'], exit['outOfMemory']], [137, false]);
});
