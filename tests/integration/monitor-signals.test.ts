// Signals by hand, and what restart policies make of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerState } from '#common/protocol/container.ts';
import { Agent, until } from './support/agent.ts';

const sh = (script: string) => ['sh', '-c', script];
const HUP = 1;

test('a signal that "unless-stopped" respects counts for the run that it was sent to, and for no later one', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: sh('sleep 0.2; exit 1'),
    request: { restart: { policy: 'unless-stopped' } },
  });
  const state = async () => (await agent.ask(id, 'state')) as unknown as ContainerState;
  const reaches = (phase: string) => until(async () => (await state()).phase === phase);
  await reaches('restarting');
  await agent.ask(id, 'kill', { signal: HUP, stops: 'unless-stopped' });
  const { restarts } = await state();
  await until(async () => (await state()).restarts >= restarts + 2);
  // In the run itself it does.
  await reaches('running');
  await agent.ask(id, 'kill', { signal: HUP, stops: 'unless-stopped' });
  await until(() => agent.kept(id)?.phase === 'exited');
  assert.equal(agent.kept(id)?.signalled, true);
});
