// When a container is started again: policies of restart, and checks of its health.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agent, until } from './support/agent.ts';

const sh = (script: string) => ['sh', '-c', script];

test('restart policies start a container again, with growing delays', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: sh('echo run; exit 1'),
    request: { restart: { policy: 'on-failure', maximumRetries: 3 } },
  });
  const begin = Date.now();
  assert.equal((await agent.ended(id)).status, 1);
  assert.ok(Date.now() - begin >= 690, 'delays of 100, 200 and 400 ms');
  assert.equal(agent.log(id).length, 4);
  assert.equal(agent.kept(id)?.restarts, 3);
});

test('health checks turn a container healthy and unhealthy, and on-unhealthy starts it again', async () => {
  await using agent = new Agent();
  await agent.start();
  const health = {
    args: sh('[ -e /tmp/well ] && echo fine'),
    interval: 100,
    timeout: 2000,
    retries: 2,
    startPeriod: 0,
    startInterval: 50,
  };
  const id = await agent.create({
    args: sh('touch /tmp/well; sleep 1; rm /tmp/well; exec sleep 100'),
    config: (config) => {
      config.mounts = [...(config.mounts ?? []), { destination: '/tmp', type: 'tmpfs', source: 'tmpfs' }];
    },
    request: { health, restart: { policy: 'on-unhealthy' } },
  });
  using client = agent.monitor(id);
  await client.ask('watch');
  const turned = () => client.notices.filter(({ notice }) => notice === 'health').map(({ status }) => status);
  await until(() => turned().includes('unhealthy'), 20);
  assert.deepEqual(turned().slice(0, 2), ['healthy', 'unhealthy']);
  await until(() => client.notices.some(({ notice }) => notice === 'restart'));
  await until(() => turned().length >= 3);
  const { health: kept } = (await agent.ask(id, 'state')) as { health: { checks: { output: string }[] } };
  assert.ok(kept.checks.some(({ output }) => output === 'fine\n'));
});

test('checks whose children keep their streams open are ended late, and take nothing with them', async () => {
  await using agent = new Agent();
  await agent.start();
  const health = {
    args: sh('sleep 100 & exit 0'),
    interval: 1,
    timeout: 50,
    retries: 1000,
    startPeriod: 0,
    startInterval: 1,
  };
  const id = await agent.create({ args: sh('sleep 1; exit 3'), request: { health } });
  assert.equal((await agent.ended(id)).status, 3);
});
