import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { generate } from 'selfsigned';
import { RegistryClient } from './client.ts';
import { CredentialFile } from './credentials.ts';
import { HttpClient } from './http.ts';

const content = randomBytes(9_000_000);
const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

interface Listening extends AsyncDisposable {
  address: string;
}

async function listening(server: Pick<Server, 'listen' | 'address' | 'close'>): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise((closed) => server.close(() => closed())),
  };
}

/** What is sent to whoever asks for anything; ends the connection then. */
const answering = (send: (socket: Socket) => Promise<void> | void) =>
  listening(
    createPlainServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', async () => {
        await send(socket);
        socket.end();
      });
    }),
  );

async function inBulk(url: string, { insecure = false, pause = 0 } = {}) {
  using client = new HttpClient();
  const { pieces } = await client.send({ method: 'GET', url: new URL(url), bulk: true }, { insecure });
  assert.ok(pieces);
  const hash = createHash('sha256');
  let length = 0;
  let failure: unknown;
  try {
    for await (const group of pieces) {
      // Who is slow must find in the pieces what was in them.
      if (pause > 0) await sleep(pause);
      for (const piece of group) {
        hash.update(piece);
        length += piece.length;
      }
    }
  } catch (error) {
    failure = error;
  }
  return { digest: hash.digest('hex'), length, failure };
}

test('a body in bulk has all bytes in order, for who is slow too', async () => {
  const server = createServer((_, response) => {
    response.setHeader('content-length', content.length);
    response.end(content);
  });
  await using place = await listening(server);
  for (const pause of [0, 3]) {
    const got = await inBulk(`http://${place.address}/`, { pause });
    assert.deepEqual(got, { digest: digest(content), length: content.length, failure: undefined });
  }
});

test('a body in bulk may begin anywhere in what comes, and end with it', async () => {
  const head = Buffer.from('HTTP/1.1 206 Partial Content\r\ncontent-length: 10\r\ncontent-type: x/y\r\n\r\n');
  const whole = Buffer.concat([head, Buffer.from('0123456789')]);
  for (let cut = 1; cut <= whole.length; cut++) {
    await using place = await answering(async (socket) => {
      socket.setNoDelay(true);
      socket.write(whole.subarray(0, cut));
      await sleep(2);
      socket.write(whole.subarray(cut));
    });
    const got = await inBulk(`http://${place.address}/`);
    assert.deepEqual(got, { digest: digest(Buffer.from('0123456789')), length: 10, failure: undefined }, `at ${cut}`);
  }
});

test('a body in bulk that is cut gives what came, and then says so', async () => {
  for (const sent of [0, 5, 700_000]) {
    await using place = await answering((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n');
      socket.write(content.subarray(0, sent));
    });
    const got = await inBulk(`http://${place.address}/`);
    assert.equal(got.length, sent);
    assert.equal(got.digest, digest(content.subarray(0, sent)));
    assert.equal((got.failure as NodeJS.ErrnoException).code, 'ECONNRESET');
  }
});

test('a body of unknown length, and that of a failure, come as any other', async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/no' ? 404 : 200;
    if (request.url === '/no') response.setHeader('content-length', 4);
    response.write('some');
    response.end(request.url === '/no' ? '' : ' more');
  });
  await using place = await listening(server);
  using client = new HttpClient();
  for (const [path, text] of [
    ['/', 'some more'],
    ['/no', 'some'],
  ]) {
    const url = new URL(`http://${place.address}${path}`);
    const { body, pieces } = await client.send({ method: 'GET', url, bulk: true });
    assert.equal(pieces, undefined);
    assert.equal(await readText(body), text);
  }
});

test('a redirect is followed in bulk, and a request that is stopped ends', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/from') response.writeHead(307, { location: '/to' }).end('there');
    else response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 100_000));
  });
  await using place = await listening(server);
  using client = new HttpClient();
  const stop = new AbortController();
  const url = new URL(`http://${place.address}/from`);
  const { pieces } = await client.send({ method: 'GET', url, bulk: true, signal: stop.signal });
  let length = 0;
  await assert.rejects(async () => {
    for await (const group of pieces ?? []) {
      for (const piece of group) length += piece.length;
      if (length === 100_000) stop.abort();
    }
  });
  assert.equal(length, 100_000);
});

test('a body comes in bulk over TLS, from whom the certificate proves', async () => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }]);
  const server = createSecureServer({ key, cert }, (_, response) => {
    response.setHeader('content-length', content.length);
    response.end(content);
  });
  await using place = await listening(server);
  await assert.rejects(inBulk(`https://${place.address}/`), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  const got = await inBulk(`https://${place.address}/`, { insecure: true });
  assert.deepEqual(got, { digest: digest(content), length: content.length, failure: undefined });
});

test('who says nothing for too long has timed out, not whom we let wait', async () => {
  const server = createServer((request, response) => {
    const isSilent = request.url?.startsWith('/silent');
    if (!request.url?.endsWith('/chunked')) response.setHeader('content-length', content.length);
    if (isSilent) response.write(content.subarray(0, 1000));
    else response.end(content);
  });
  await using place = await listening(server);
  using client = new HttpClient({ idleMilliseconds: 100 });
  for (const way of ['bulk', 'chunked', 'plain']) {
    const ask = async (path: string) => {
      const url = new URL(`http://${place.address}/${path}/${way}`);
      const { body, pieces = body } = await client.send({ method: 'GET', url, bulk: way !== 'plain' });
      const hash = createHash('sha256');
      let waited = 0;
      for await (const group of pieces as AsyncIterable<Buffer | Buffer[]>) {
        for (const piece of [group].flat()) hash.update(piece);
        if (path === 'slow' && waited++ < 2) await sleep(300);
      }
      return hash.digest('hex');
    };
    await assert.rejects(ask('silent'), { code: 'ETIMEDOUT', message: /says nothing for 0.1 s/ }, way);
    assert.equal(await ask('slow'), digest(content), way);
  }
  server.closeAllConnections();
});

test('what comes without a length in bulk waits for its reader', async () => {
  const piece = randomBytes(1 << 20);
  let sent = 0;
  const server = createServer((_request, response) => {
    const more = () => {
      if (sent++ === 64) response.end();
      else response.write(piece, more);
    };
    more();
  });
  await using place = await listening(server);
  using client = new HttpClient();
  const url = new URL(`http://${place.address}/`);
  const { body } = await client.send({ method: 'GET', url, bulk: true });
  await sleep(500);
  // Some lies in the sockets.
  const before = sent;
  assert.ok(before < 32, `${before} MiB were taken that nobody reads`);
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) length += chunk.length;
  assert.equal(length, 64 << 20);
});

test('who switches protocols unasked is refused, and let go', async () => {
  for (const header of ['', 'connection: upgrade\r\nupgrade: other\r\n']) {
    for (const bulk of [false, true]) {
      let closed: Promise<void> | undefined;
      const server = createPlainServer((socket) => {
        socket.on('error', () => {});
        closed = new Promise((resolve) => socket.on('close', () => resolve()));
        socket.once('data', () => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${header}\r\n`));
      });
      await using place = await listening(server);
      using client = new HttpClient();
      const url = new URL(`http://${place.address}/`);
      const asked = client.send({ method: 'GET', url, bulk });
      await assert.rejects(asked, /answered 101 Switching Protocols, unasked/);
      await closed;
    }
  }
});

test('a range that begins elsewhere is refused, and its connection let go', async () => {
  let closed: Promise<void> | undefined;
  const server = createServer((request, response) => {
    if (request.url === '/v2/') return void response.end();
    closed = new Promise((resolve) => request.socket.on('close', () => resolve()));
    response.writeHead(206, { 'content-length': 1000, 'content-range': 'bytes 5-1004/2000' }).write('some');
  });
  await using place = await listening(server);
  using client = new RegistryClient({ credentials: new CredentialFile({}) });
  const endpoint = { host: place.address, path: 'app', insecure: true, digestOnly: false };
  for (const ask of ['blob', 'blobInBulk'] as const) {
    const refused = { kind: 'invalid', message: 'the registry sent bytes from 5 on, asked for 10' };
    await assert.rejects(client[ask](endpoint, `sha256:${'a'.repeat(64)}`, 10), refused);
    await closed;
  }
});
