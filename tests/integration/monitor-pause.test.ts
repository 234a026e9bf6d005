// What goes on in a container while it is frozen, and while it is being frozen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { kindOf } from '#common/errors.ts';
import { Agent, type Client, until } from './support/agent.ts';

const health = { args: ['true'], interval: 50, timeout: 1000, retries: 1, startPeriod: 0, startInterval: 50 };

async function newExec(client: Client, ...args: string[]): Promise<string> {
  const process = { args, cwd: '/', env: ['PATH=/bin'] };
  const { exec } = (await client.ask('exec', { process, stdin: false, stdout: true, stderr: true })) as {
    exec: string;
  };
  return exec;
}

test('a paused container is not checked, and nothing is executed in it', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ request: { health } });
  using client = agent.monitor(id);
  await client.ask('watch');
  const status = async () => (await agent.ask(id, 'state'))['health'] as { status: string; failures: number };
  await until(async () => (await status()).status === 'healthy');
  for (let count = 0; count < 3; count++) {
    await agent.ask(id, 'pause');
    const exec = await newExec(client, 'true');
    await assert.rejects(client.ask('exec-start', { exec }), /paused/);
    await sleep(1200);
    await agent.ask(id, 'resume');
    await sleep(60);
  }
  await sleep(300);
  assert.equal((await status()).status, 'healthy');
  assert.deepEqual(
    client.notices.filter(({ status }) => status === 'unhealthy'),
    [],
  );
});

test('an exec that meets a pause is run before it or refused, and holds nobody up', { timeout: 60_000 }, async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({});
  using client = agent.monitor(id);
  const told = { started: 0, refused: 0 };
  for (let round = 0; round < 40; round++) {
    const execs = await Promise.all([1, 2, 3].map(() => newExec(client, 'true')));
    const starts = execs.map(async (exec, place) => {
      await sleep(place * (round % 5));
      return client.ask('exec-start', { exec });
    });
    const settled = Promise.allSettled(starts);
    await sleep(round % 8);
    await client.ask('pause');
    for (const start of await settled) {
      if (start.status === 'fulfilled') told.started++;
      else {
        assert.match(String(start.reason), /paused/);
        told.refused++;
      }
    }
    await client.ask('resume');
  }
  assert.ok(told.started > 10 && told.refused > 10, JSON.stringify(told));
});

test('a container that ends while it is being paused, limited or measured has ended, whatever failed of that', async () => {
  await using agent = new Agent();
  await agent.start();
  const failures = new Set<string>();
  for (let round = 0; round < 40; round++) {
    const id = await agent.create({ args: ['sleep', `0.0${round % 10}`] });
    using client = agent.monitor(id);
    const questions = [
      ['pause', {}],
      ['resume', {}],
      ['stats', {}],
      ['update', { resources: { pids: { limit: 100 } } }],
    ] as const;
    for (let ended = false; !ended; ) {
      const asked = questions.map(([ask, fields]) => client.ask(ask, fields));
      for (const outcome of await Promise.allSettled(asked)) {
        if (outcome.status === 'fulfilled') continue;
        const { message } = outcome.reason as Error;
        ended ||= /connection was closed|not running|exited/.test(message);
        if (kindOf(outcome.reason) !== 'conflict' && !/connection was closed/.test(message)) failures.add(message);
      }
    }
  }
  assert.deepEqual([...failures], []);
});
