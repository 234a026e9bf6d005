// Connections that become bytes: by an upgrade, and as clients of long ago ask for it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

/** Sends a head, then input and its end; all that comes back. */
function exchange(engine: EngineProcess, head: string, begun: () => Promise<unknown>, input: string): Promise<Buffer> {
  return new Promise((done, failed) => {
    const socket = connect({ path: engine.socket, allowHalfOpen: true });
    const parts: Buffer[] = [];
    let started = false;
    socket.on('data', (part) => {
      parts.push(part);
      if (started || !Buffer.concat(parts).includes('\r\n\r\n')) return;
      started = true;
      begun().then(() => socket.end(input), failed);
    });
    socket.on('error', failed);
    socket.on('end', () => done(Buffer.concat(parts)));
    socket.write(head);
  });
}

for (const [style, headers, status, type] of [
  ['upgrade', 'Connection: Upgrade\r\nUpgrade: tcp\r\n', '101 UPGRADED', 'multiplexed-stream'],
  ['old', '', '200 OK', 'multiplexed-stream'],
] as const)
  test(`attach in ${style} style: input ends by itself, and the output comes whole`, async () => {
    await using engine = await EngineProcess.start();
    const body = { Image: 'proa/base', Cmd: ['cat'], OpenStdin: true, StdinOnce: true };
    const { Id } = await engine.ask<{ Id: string }>('POST', '/containers/create', body);
    const head = `POST /containers/${Id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n${headers}\r\n`;
    const answer = await exchange(engine, head, () => engine.ask('POST', `/containers/${Id}/start`), 'some words\n');
    const end = answer.indexOf('\r\n\r\n');
    const told = answer.toString('latin1', 0, end);
    assert.match(told, new RegExp(`^HTTP/1\\.1 ${status}\\r\\n`));
    assert.match(told, new RegExp(`application/vnd\\.docker\\.${type}`));
    assert.deepEqual([...answer.subarray(end + 4, end + 12)], [1, 0, 0, 0, 0, 0, 0, 11]);
    assert.equal(answer.toString('latin1', end + 12), 'some words\n');
    assert.equal((await engine.ask<{ StatusCode: number }>('POST', `/containers/${Id}/wait`)).StatusCode, 0);
  });

test('who reads slowly gets all output of a container that is removed with its end', async () => {
  await using engine = await EngineProcess.start();
  // As much as connections hold, so that it ends before anything is read.
  const bytes = 400_000;
  const body = {
    Image: 'proa/base',
    Cmd: ['head', '-c', String(bytes), '/dev/zero'],
    Tty: true,
    HostConfig: { NetworkMode: 'none', AutoRemove: true },
  };
  const { Id } = await engine.ask<{ Id: string }>('POST', '/containers/create', body);
  const socket = connect({ path: engine.socket, allowHalfOpen: true });
  const head = `POST /containers/${Id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`;
  socket.write(head);
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  await engine.ask('POST', `/containers/${Id}/start`);
  await until(async () => (await engine.call('GET', `/containers/${Id}/json`)).status === 404);
  let came = first.length - first.indexOf('\r\n\r\n') - 4;
  socket.on('data', (part) => {
    came += part.length;
  });
  socket.resume();
  await once(socket, 'end');
  assert.equal(came, bytes);
  socket.destroy();
});

test('a start waits for those who shall be attached and wait, and a client that leaves takes its start along', async () => {
  await using engine = await EngineProcess.start();
  const make = async () => {
    const body = { Image: 'proa/base', Cmd: ['echo', 'all'], HostConfig: { NetworkMode: 'none' } };
    return (await engine.ask<{ Id: string }>('POST', '/containers/create', body)).Id;
  };
  const isCreated = async (id: string) =>
    (await engine.ask<{ State: { Status: string } }>('GET', `/containers/${id}/json`)).State.Status === 'created';
  const id = await make();
  const started = engine.call('POST', `/containers/${id}/start?attached=1&waiting=1`);
  const ended = engine.ask<{ StatusCode: number }>('POST', `/containers/${id}/wait?condition=next-exit`);
  await new Promise((later) => setTimeout(later, 300));
  assert.ok(await isCreated(id));
  const head = `POST /containers/${id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`;
  const answer = await exchange(engine, head, () => started, '');
  assert.equal((await started).status, 204);
  assert.equal(answer.subarray(answer.indexOf('\r\n\r\n') + 12).toString(), 'all\n');
  assert.equal((await ended).StatusCode, 0);

  const left = await make();
  const client = connect(engine.socket);
  client.write(`POST /containers/${left}/start?attached=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n`);
  await new Promise((later) => setTimeout(later, 300));
  client.destroy();
  await once(client, 'close');
  await new Promise((later) => setTimeout(later, 500));
  // Its start would have come when somebody attaches after all.
  const socket = connect(engine.socket);
  socket.write(head.replace(id, left));
  await once(socket, 'data');
  await new Promise((later) => setTimeout(later, 300));
  assert.ok(await isCreated(left));
  socket.destroy();
  const wrong = await engine.call<{ message: string }>('POST', `/containers/${left}/start?attached=x`);
  assert.deepEqual([wrong.status, /attached/.test(wrong.json.message)], [400, true]);
});
