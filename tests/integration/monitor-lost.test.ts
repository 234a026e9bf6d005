// Containers and their monitors without an agent, and containers without their monitor.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Agent, until } from './support/agent.ts';
import { newId } from './support/container.ts';

const sh = (script: string) => ['sh', '-c', script];

test('a second agent is refused by name', async () => {
  await using agent = new Agent();
  await agent.start();
  const second = spawnSync('dist/proa-agent', ['--run', agent.run, '--state', agent.state], { encoding: 'utf8' });
  assert.equal(second.status, 1);
  assert.match(second.stderr, new RegExp(`another agent serves "${agent.run}"`));
});

test('containers live on without their agent, and a later agent and client know all of them', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done') });
  await agent.kill();
  const before = agent.log(id).length;
  await until(() => agent.log(id).length > before + 20);
  await agent.start();
  assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
  await agent.ask(id, 'kill', { signal: 9 });
  await agent.ended(id);
  agent.log(id).forEach((line, index) => {
    assert.equal(line, `stdout F ${index}`);
  });
});

test('a monitor that is killed is noticed: its container ends, that is recorded, its policy holds', async () => {
  await using agent = new Agent();
  await agent.start();
  const plain = await agent.create();
  const again = await agent.create({ request: { restart: { policy: 'always' } } });
  const orphans = [plain, again].map(async (id) => {
    const { pid, monitor } = (await agent.ask(id, 'state')) as { pid: number; monitor: { pid: number } };
    process.kill(monitor.pid, 'SIGKILL');
    return pid;
  });
  const pids = await Promise.all(orphans);
  const exit = await agent.ended(plain);
  assert.equal(exit.failure?.message, 'monitor lost');
  await until(async () => {
    const state: Record<string, unknown> = await agent.ask(again, 'state').catch(() => ({}));
    return state['restarts'] === 1 && state['phase'] === 'running';
  });
  // What nobody has reaped yet has no program any more.
  for (const pid of pids) assert.equal(existsSync(`/proc/${pid}/exe`), false);
});

test('a monitor that is killed while no agent runs is noticed by the next', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  await agent.kill();
  process.kill(monitor.pid, 'SIGKILL');
  await until(() => !existsSync(`/proc/${monitor.pid}/exe`));
  await agent.start();
  assert.equal((await agent.ended(id)).failure?.message, 'monitor lost');
});

test('a monitor that is killed while it makes its container is noticed, and its id is free again', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = newId('agent');
  const creating = agent.create({
    request: { id },
    config: (config) => {
      config.hooks = { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '5'] }] };
    },
  });
  const refused = assert.rejects(creating, /closed/);
  const file = join(agent.run, 'containers', id, 'state.json');
  await until(() => existsSync(file) && existsSync(join(agent.run, 'runtime', id, 'state.json')));
  const { monitor } = JSON.parse(readFileSync(file, 'utf8')) as { monitor: { pid: number } };
  process.kill(monitor.pid, 'SIGKILL');
  await refused;
  await until(() => !existsSync(join(agent.run, 'containers', id)) && !existsSync(join(agent.run, 'runtime', id)));
  await agent.create({ request: { id } });
});
