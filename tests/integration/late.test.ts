// Containers that are made when they are started, over the connection that asked for them.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Agent, Client, until } from './support/agent.ts';

const late = { start: false, late: true };
const all = { stdin: true, stdout: true, stderr: true };

test('nothing of it is there before its start, and who attaches before that misses nothing', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: ['sh', '-c', 'read line; echo "got $line"; exit 4'],
    request: { ...late, stdin: 'once' },
  });
  const { phase, pid } = await agent.ask(id, 'state');
  assert.deepEqual({ phase, pid }, { phase: 'created', pid: undefined });
  assert.equal(existsSync(join(agent.run, 'runtime', id)), false);
  using attached = agent.monitor(id);
  let output = '';
  await attached.attach('attach', all, (bytes) => {
    output += bytes;
  });
  attached.socket.write('early\n');
  using client = agent.monitor(id);
  await client.ask('watch');
  const ended = client.ask('wait') as Promise<{ status: number }>;
  const answer = (await client.ask('start')) as { pid: number };
  assert.ok(answer.pid > 1);
  assert.equal((await ended).status, 4);
  await until(() => output.includes('got early\n'));
  await assert.rejects(client.ask('start'), /exited|closed/);
  assert.deepEqual(
    client.notices.flatMap(({ notice }) => notice ?? []),
    ['start', 'exit', 'cleaned'],
  );
});

test('a start that fails is answered with its reason, and its id is free', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: ['/no/such/program'], request: late });
  await assert.rejects(agent.ask(id, 'start'), /no such file or directory/);
  await until(() => readdirSync(join(agent.run, 'containers')).length === 0);
  assert.equal(agent.kept(id), undefined);
  await agent.create({ args: ['true'], request: { ...late, id } });
  await agent.ask(id, 'start');
  assert.equal((await agent.ended(id)).status, 0);
});

test('one that is removed or stopped before its start has ended by a kill', async () => {
  await using agent = new Agent();
  await agent.start();
  const [removed, stopped] = [await agent.create({ request: late }), await agent.create({ request: late })];
  await assert.rejects(agent.ask(removed, 'kill', { signal: 15 }), /not running/);
  await agent.ask(removed, 'remove');
  assert.equal((await agent.ask(stopped, 'stop', {}))['status'], 137);
  for (const id of [removed, stopped]) assert.deepEqual((await agent.ended(id)).signal, 9);
});

test('one whose monitor is killed before its start leaves nothing running', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ request: late });
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  process.kill(monitor.pid, 'SIGKILL');
  await until(() => !existsSync(join(agent.run, 'containers', id)));
  assert.match(agent.kept(id)?.exit?.failure?.message ?? '', /monitor/);
});

test('the connection that asked goes on to the monitor, also with what was asked at once', async () => {
  await using agent = new Agent();
  await agent.start();
  using client = new Client(join(agent.run, 'agent'));
  const id = await agent.createThrough(client, {
    args: ['sh', '-c', 'exit 3'],
    request: late,
    question: { keep: true },
  });
  const [, state, started, exit] = (await Promise.all([
    client.ask('watch'),
    client.ask('state'),
    client.ask('start'),
    client.ask('wait'),
  ])) as [unknown, { id: string }, { pid: number }, { status: number }];
  assert.equal(state.id, id);
  assert.ok(started.pid > 1);
  assert.equal(exit.status, 3);
  assert.deepEqual(client.notices.flatMap(({ notice }) => notice ?? []).slice(0, 2), ['start', 'exit']);
});

test('the child that waits for the next connection goes with its agent, and is replaced when it is lost', async () => {
  await using agent = new Agent();
  await agent.start();
  const children = () =>
    readFileSync(`/proc/${agent.process.pid}/task/${agent.process.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean);
  await until(() => children().length === 1);
  const [first = ''] = children();
  process.kill(Number(first), 'SIGKILL');
  await until(() => children().length === 1 && children()[0] !== first);
  const id = await agent.create({ args: ['sleep', '100'] });
  await until(() => children().length === 2);
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  const waiting = children().find((pid) => Number(pid) !== monitor.pid) as string;
  await agent.kill();
  await until(() => !existsSync(`/proc/${waiting}`));
  assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
});
