// Monitors outlive the release that they were started with: those of an earlier one meet today's clients and agent.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ContainerState, PROTOCOL_VERSION } from '#common/protocol/container.ts';
import { Agent, agentPath, Client, type Message, until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

const built = spawnSync('node', ['tools/previous-release.mjs'], { encoding: 'utf8' });
/** Everything else than a lack of history is a failure. */
const skip = built.status === 3 ? built.stderr.trim() : false;
const program = join(built.stdout.trim(), 'proa-agent');

const sh = (script: string) => ['sh', '-c', script];
const all = { stdin: false, stdout: true, stderr: true };

async function previousAgent(): Promise<Agent> {
  assert.ok(existsSync(program), built.stderr);
  const agent = new Agent({ program });
  await agent.start();
  return agent;
}

/** Today's agent takes the place of the one that runs. */
async function upgrade(agent: Agent): Promise<void> {
  await agent.kill();
  agent.program = agentPath;
  await agent.start();
}

const stateOf = async (agent: Agent, id: string) => (await agent.ask(id, 'state')) as unknown as ContainerState;

test('a monitor of the previous release does all that it is asked for', { skip }, async () => {
  await using agent = await previousAgent();
  const id = await agent.create({
    args: sh('while read line; do echo "got $line"; [ "$line" = end ] && exit 4; done'),
    request: { stdin: 'open', start: false },
  });
  using client = agent.monitor(id);
  await until(() => client.notices.length > 0);
  assert.ok((client.notices[0]?.['hello'] as number) <= PROTOCOL_VERSION);
  const { phase, version, monitor } = await stateOf(agent, id);
  assert.deepEqual([phase, version], ['created', 1]);
  assert.equal(statSync(`/proc/${monitor.pid}/exe`).ino, statSync(program).ino);
  await client.ask('watch');
  using attached = agent.monitor(id);
  let output = '';
  await attached.attach('attach', { ...all, stdin: true }, (bytes) => {
    output += bytes.toString('latin1');
  });
  await client.ask('start');
  attached.socket.write('first\n');
  await until(() => output.includes('got first\n'));

  renameSync(agent.logPath(id), `${agent.logPath(id)}.old`);
  await client.ask('reopen-log');
  attached.socket.write('second\n');
  await until(() => existsSync(agent.logPath(id)) && agent.log(id).length === 1);
  assert.deepEqual(agent.log(id), ['stdout F got second']);

  const process = { args: sh('cat; exit 9'), cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'] };
  const { exec } = (await client.ask('exec', { process, ...all, stdin: true })) as { exec: string };
  using inExec = agent.monitor(id);
  let said = '';
  await inExec.attach('exec-attach', { exec, ...all, stdin: true }, (bytes) => {
    said += bytes.toString('latin1');
  });
  const execEnd = client.ask('exec-wait', { exec }) as Promise<Message>;
  await client.ask('exec-start', { exec });
  inExec.socket.end('word\n');
  assert.equal((await execEnd)['status'], 9);
  // Output has a connection of its own, which may lag behind the answer.
  await inExec.closed;
  assert.match(said, /word\n$/);

  await client.ask('pause');
  assert.equal((await stateOf(agent, id)).phase, 'paused');
  await client.ask('resume');
  const stats = (await client.ask('stats', {})) as { cgroups: { pids: { current: number } } };
  assert.equal(stats.cgroups.pids.current, 1);
  const end = client.ask('wait') as Promise<Message>;
  attached.socket.write('end\n');
  assert.equal((await end)['status'], 4);
  assert.equal((await agent.ended(id)).status, 4);
  await client.closed;
  const told = client.notices.map(({ notice }) => notice).filter(Boolean);
  assert.deepEqual(told, ['start', 'exec-start', 'exec-exit', 'pause', 'resume', 'exit']);
});

test('a container of the previous release is stopped, and another removed', { skip }, async () => {
  await using agent = await previousAgent();
  const request = { restart: { policy: 'always' } } as const;
  const stopped = await agent.create({ args: sh('trap "exit 3" TERM; while :; do sleep 0.1; done'), request });
  const removed = await agent.create({ request });
  using client = new Client(join(agent.run, 'agent'));
  assert.deepEqual(((await client.ask('list')) as string[]).sort(), [stopped, removed].sort());
  assert.equal((await agent.ask(stopped, 'stop', {}))['status'], 3);
  await agent.ask(removed, 'remove');
  assert.equal((await agent.ended(removed)).signal, 9);
});

test('the previous release ignores what later clients will say beside what it knows', { skip }, async () => {
  await using agent = await previousAgent();
  const later = { added: { later: [1, 'two'] } };
  const log = { format: 'none', path: '/dev/null', maximumBytes: 0, files: 1, compress: false, ...later } as const;
  const request = { ...later, log, restart: { policy: 'no', ...later } } as const;
  const id = await agent.create({ args: sh('exit 2'), request: { ...request, start: false } });
  using client = agent.monitor(id, { hello: PROTOCOL_VERSION + 1, ...later });
  assert.equal(((await client.ask('state', later)) as Message)['phase'], 'created');
  const end = client.ask('wait', { condition: 'later', ...later }) as Promise<Message>;
  await client.ask('start', later);
  assert.equal((await end)['status'], 2);
});

test('containers of the previous release are watched by the agent of this one', { skip }, async () => {
  await using agent = await previousAgent();
  const lost = await agent.create({ args: sh('sleep 100') });
  const again = await agent.create({ request: { restart: { policy: 'always' } } });
  const lasting = await agent.create({ args: sh('read line; exit 6'), request: { stdin: 'open' } });
  const before = await stateOf(agent, again);
  await upgrade(agent);

  for (const id of [lost, again]) process.kill((await stateOf(agent, id)).monitor.pid, 'SIGKILL');
  const exit = await agent.ended(lost);
  assert.deepEqual([exit.status, exit.failure?.message], [137, 'monitor lost']);
  await until(async () => {
    const state = await stateOf(agent, again).catch(() => undefined);
    return state?.phase === 'running' && state.restarts === 1;
  });
  const after = await stateOf(agent, again);
  assert.notEqual(after.pid, before.pid);
  // Nobody may have fetched its status yet, but then it has no program any more.
  assert.equal(existsSync(`/proc/${before.pid}/exe`), false);

  // It ends under its own monitor, which has nobody of its release any more.
  using attached = agent.monitor(lasting);
  await attached.attach('attach', { ...all, stdin: true }, () => {});
  attached.socket.write('line\n');
  assert.equal((await agent.ended(lasting)).status, 6);
});

test('an engine of this release has its containers kept by the agent of the previous one', { skip }, async () => {
  await using engine = new EngineProcess();
  const agent = spawn(program, ['--run', engine.run, '--state', engine.state], { stdio: 'ignore' });
  try {
    await until(() => existsSync(join(engine.run, 'agent')));
    await engine.start();
    const id = await engine.runContainer(['sh', '-c', 'echo said; exit 6']);
    const { StatusCode } = await engine.ask<{ StatusCode: number }>('POST', `/containers/${id}/wait`);
    assert.equal(StatusCode, 6);
    assert.match((await engine.call('GET', `/containers/${id}/logs?stdout=1`)).text, /said/);
    assert.equal(agent.exitCode, null);
  } finally {
    agent.kill();
  }
});
