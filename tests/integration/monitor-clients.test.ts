// Clients of a program's streams that read more slowly than it writes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type ContainerOptions, until } from './support/agent.ts';

const sh = (script: string) => ['sh', '-c', script];
const output = { stdin: false, stdout: true, stderr: false };
/** What a pipe, the monitor and two sockets may hold for a client. */
const HELD_BYTES = 4 << 20;

/** A container that is not started, and a patient client of it that does not read yet. */
async function slowlyRead(agent: Agent, options: ContainerOptions) {
  const id = await agent.create({ ...options, request: { start: false } });
  const client = agent.monitor(id);
  const read = { bytes: 0 };
  await client.attach('attach', { ...output, patient: true }, (piece) => {
    read.bytes += piece.length;
  });
  client.socket.pause();
  return { id, client, read };
}

// One of them waits for longer than others are given.
describe('clients that are slow', { concurrency: true }, () => {
  test('a slow client is dropped, and never slows the container', async () => {
    await using agent = new Agent();
    await agent.start();
    const id = await agent.create({ args: sh('sleep 0.3; head -c 20000000 /dev/zero; echo') });
    using attached = agent.monitor(id);
    await attached.attach('attach', { stdin: false, stdout: true, stderr: false }, () => {});
    attached.socket.pause();
    assert.equal((await agent.ended(id)).status, 0);
  });

  test('the program waits for a patient client, which gets everything', async () => {
    await using agent = new Agent();
    await agent.start();
    const { id, client, read } = await slowlyRead(agent, { args: sh('head -c 20000000 /dev/zero; exit 3') });
    using attached = client;
    await agent.ask(id, 'start');
    await sleep(1000);
    assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
    assert.ok(attached.socket.bytesRead < HELD_BYTES, String(attached.socket.bytesRead));
    attached.socket.resume();
    await attached.closed;
    assert.ok(read.bytes > 20_000_000, String(read.bytes));
    assert.equal((await agent.ended(id)).status, 3);
  });

  test('what a program wrote last waits for a patient client as long as that is there', async () => {
    await using agent = new Agent();
    await agent.start();
    const { id, client, read } = await slowlyRead(agent, { args: sh('head -c 500000 /dev/zero') });
    using attached = client;
    await agent.ask(id, 'start');
    assert.equal((await agent.ended(id)).status, 0);
    // Others are given up after ten seconds.
    await sleep(11_000);
    attached.socket.resume();
    await attached.closed;
    assert.ok(read.bytes > 500_000, String(read.bytes));
  });

  test('when a patient client goes, the program goes on, and so do other clients', async () => {
    await using agent = new Agent();
    await agent.start();
    const id = await agent.create({ args: sh('head -c 20000000 /dev/zero'), request: { start: false } });
    using slow = agent.monitor(id);
    using other = agent.monitor(id);
    let bytes = 0;
    await slow.attach('attach', { ...output, patient: true }, () => {});
    await other.attach('attach', { ...output, patient: true }, (piece) => {
      bytes += piece.length;
    });
    slow.socket.pause();
    await agent.ask(id, 'start');
    await until(() => bytes > 100_000);
    await sleep(500);
    assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
    assert.ok(bytes < HELD_BYTES, String(bytes));
    slow.socket.destroy();
    await other.closed;
    assert.ok(bytes > 20_000_000, String(bytes));
  });

  test('a terminal’s program waits for a patient client too', async () => {
    await using agent = new Agent();
    await agent.start();
    const { id, client, read } = await slowlyRead(agent, {
      args: sh('head -c 3000000 /dev/zero | tr "\\0" x; exit 4'),
      config: (config) => {
        config.process.terminal = true;
      },
    });
    using attached = client;
    await agent.ask(id, 'start');
    await sleep(1000);
    assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
    attached.socket.resume();
    await attached.closed;
    assert.equal(read.bytes, 3_000_000);
    assert.equal((await agent.ended(id)).status, 4);
  });
});
