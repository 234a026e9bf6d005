import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Loop } from '#loop/loop.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { door } from '#sys/door.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { readAll, writeAll } from '#sys/files.ts';
import { read } from '#sys/raw/file.ts';
import { getpid } from '#sys/raw/process.ts';
import { ignoreSignal, SIGPIPE } from '#sys/signals.ts';
import { acceptConnection, listenUnix } from '#sys/sockets.ts';
import { parseAddress } from './address.ts';
import { HttpClient } from './client.ts';
import { parseResponseHead } from './head.ts';

/** These need a kernel, and so run inside the binary alone. */
const onKernel = (name: string, body: () => void) => door !== undefined && test(name, body);

let serial = 0;

/** A client, and the other side of its connections, which the test plays. */
class Site implements Disposable {
  readonly loop = new Loop();
  readonly client: HttpClient;
  readonly #listener: OwnedFd;

  constructor() {
    ignoreSignal(SIGPIPE);
    const path = `\0proa-http-test-${getpid()}-${serial++}`;
    this.#listener = listenUnix(path);
    this.client = new HttpClient(this.loop, { kind: 'unix', path });
  }

  accept(): OwnedFd {
    return acceptConnection(this.#listener);
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
    this.#listener.close();
    this.loop[Symbol.dispose]();
  }
}

/** What has arrived, or the next to come. */
function received(socket: OwnedFd): string {
  const buffer = new Uint8Array(65536);
  return textOf(buffer, read(socket.number, buffer, buffer.length));
}

const say = (socket: OwnedFd, text: string) => writeAll(socket.number, text.replaceAll('\n', '\r\n'));

onKernel('a request is one write, and its connection is used again', () => {
  using site = new Site();
  const first = site.client.request({ method: 'POST', target: '/a?b=1', body: '{}' });
  using server = site.accept();
  const request = received(server);
  assert.match(request, /^POST \/a\?b=1 HTTP\/1\.1\r\n/);
  assert.match(request, /\r\nContent-Length: 2\r\n\r\n\{\}$/);
  say(server, 'HTTP/1.1 200 OK\nContent-Length: 5\nX-A: 1\nx-a: 2\n\nhello');
  const answer = site.loop.run(() => first);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-a'], '1, 2');
  assert.equal(
    site.loop.run(() => answer.body.text()),
    'hello',
  );
  const second = site.client.request({ method: 'GET', target: '/c' });
  assert.match(received(server), /^GET \/c HTTP/);
  say(server, 'HTTP/1.1 204 No Content\n\n');
  assert.equal(site.loop.run(() => second).status, 204);
});

onKernel('chunks are put together however they arrive', () => {
  using site = new Site();
  const pending = site.client.request({ method: 'GET', target: '/' });
  using server = site.accept();
  received(server);
  const text = 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n6;x=y\n world\n0\nTrailer: 1\n\n'.replaceAll(
    '\n',
    '\r\n',
  );
  let body: Promise<string> | undefined;
  pending.then((answer) => {
    body = answer.body.text();
  });
  for (const byte of utf8(text)) {
    writeAll(server.number, new Uint8Array([byte]));
    site.loop.turn(0);
  }
  assert.equal(
    site.loop.run(() => body as Promise<string>),
    'hello world',
  );
});

onKernel('a body without a length ends with the connection', () => {
  using site = new Site();
  const pending = site.client.request({ method: 'GET', target: '/' });
  {
    using server = site.accept();
    received(server);
    say(server, 'HTTP/1.1 200 OK\n\nto the end');
  }
  assert.equal(
    site.loop.run(async () => (await pending).body.text()),
    'to the end',
  );
});

onKernel('a streamed body is sent in chunks', () => {
  using site = new Site();
  const pending = site.client.request({
    method: 'PUT',
    target: '/',
    async body(write) {
      await write(utf8('abc'));
      await write(utf8(''));
      await write(utf8('x'.repeat(16)));
    },
  });
  using server = site.accept();
  for (let turn = 0; turn < 5; turn++) site.loop.turn(0);
  const request = received(server);
  assert.match(request, /Transfer-Encoding: chunked/);
  assert.ok(request.endsWith(`\r\n\r\n3\r\nabc\r\n10\r\n${'x'.repeat(16)}\r\n0\r\n\r\n`), request);
  say(server, 'HTTP/1.1 200 OK\nContent-Length: 0\n\n');
  assert.equal(site.loop.run(() => pending).status, 200);
});

onKernel('an answer that comes before the body has gone is the answer', () => {
  using site = new Site();
  const piece = new Uint8Array(1 << 20);
  const pending = site.client.request({
    method: 'PUT',
    target: '/',
    async body(write) {
      for (;;) await write(piece);
    },
  });
  using server = site.accept();
  say(server, 'HTTP/1.1 404 Not Found\nContent-Length: 2\n\nno');
  const answer = site.loop.run(() => pending);
  assert.equal(answer.status, 404);
  assert.equal(
    site.loop.run(() => answer.body.text()),
    'no',
  );
});

onKernel('what a body fails with is what its request fails with', () => {
  using site = new Site();
  const pending = site.client.request({
    method: 'PUT',
    target: '/',
    async body() {
      throw new RangeError('unreadable');
    },
  });
  using _server = site.accept();
  assert.throws(() => site.loop.run(() => pending), /unreadable/);
});

for (const status of ['101 Switching Protocols', '200 OK'])
  onKernel(`an answer of ${status} gives the connection, with half an end`, () => {
    using site = new Site();
    const pending = site.client.upgrade({ method: 'POST', target: '/attach' });
    using server = site.accept();
    assert.match(received(server), /\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n/);
    say(server, `HTTP/1.1 ${status}\nContent-Type: x\n\nfirst`);
    const answer = site.loop.run(() => pending);
    assert.ok('connection' in answer);
    using connection = answer.connection;
    const next = () => site.loop.run(async () => textOf((await connection.read()) ?? utf8('END')));
    assert.equal(next(), 'first');
    site.loop.run(() => connection.write(utf8('input')));
    connection.endWriting();
    assert.equal(textOf(readAll(server.number)), 'input');
    say(server, 'last');
    server.close();
    assert.equal(next(), 'last');
    assert.equal(next(), 'END');
  });

onKernel('the head of an answer is found wherever its reads are cut', () => {
  const text = 'HTTP/1.1 101 UPGRADED\r\nApi-Version: 1.50\r\nServer: x\r\n\r\nfirst';
  for (let first = 1; first < text.length; first++)
    for (const second of [1, 2, 3, 19]) {
      using site = new Site();
      const pending = site.client.upgrade({ method: 'POST', target: '/' });
      using server = site.accept();
      received(server);
      const cuts = [0, first, Math.min(first + second, text.length), text.length];
      for (const [index, cut] of cuts.slice(1).entries()) {
        writeAll(server.number, text.slice(cuts[index], cut));
        site.loop.turn(0);
      }
      server.close();
      const answer = site.loop.run(() => pending);
      assert.ok('connection' in answer);
      using connection = answer.connection;
      assert.equal(answer.headers['api-version'], '1.50');
      let rest = '';
      for (;;) {
        const bytes = site.loop.run(() => connection.read());
        if (!bytes) break;
        rest += textOf(bytes);
      }
      assert.equal(rest, 'first', `cut at ${first} and ${first + second}`);
    }
});

onKernel('what changes something is not asked twice', () => {
  for (const [method, times] of [
    ['POST', 1],
    ['GET', 2],
  ] as const) {
    using site = new Site();
    site.client.prepare();
    const pending = site.client.request({ method, target: '/x' });
    {
      using server = site.accept();
      assert.match(received(server), /\/x/);
    }
    if (times === 1) {
      assert.throws(() => site.loop.run(() => pending), /without an answer/);
      continue;
    }
    site.loop.turn(0);
    using server = site.accept();
    say(server, 'HTTP/1.1 200 OK\nContent-Length: 0\n\n');
    assert.equal(site.loop.run(() => pending).status, 200);
  }
});

onKernel('an upgrade that is refused is an answer like any other', () => {
  using site = new Site();
  const pending = site.client.upgrade({ method: 'POST', target: '/attach' });
  using server = site.accept();
  received(server);
  say(server, 'HTTP/1.1 409 Conflict\nContent-Length: 4\n\nbusy');
  const answer = site.loop.run(() => pending);
  assert.ok('body' in answer);
  assert.equal(
    site.loop.run(() => answer.body.text()),
    'busy',
  );
});

onKernel('a connection that was closed while idle is replaced', () => {
  using site = new Site();
  site.client.prepare();
  site.accept().close();
  const pending = site.client.request({ method: 'POST', target: '/x', body: '1' });
  site.loop.turn(0);
  using server = site.accept();
  assert.match(received(server), /^POST \/x/);
  say(server, 'HTTP/1.1 200 OK\nContent-Length: 0\n\n');
  assert.equal(site.loop.run(() => pending).status, 200);
});

onKernel('answers that are cut off, or none, are failures', () => {
  for (const [text, message] of [
    ['', /without an answer/],
    ['HTTP/1.1 200 OK\nContent-', /ended within an answer/],
    ['HTTP/1.1 200 OK\nContent-Length: 9\n\nhalf', /ended within an answer/],
    ['HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhel', /ended within an answer/],
    ['HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nxyz\n', /not the size of a chunk/],
    ['SSH-2.0-x\n\n', /not an HTTP answer/],
  ] as const) {
    using site = new Site();
    const pending = site.client.request({ method: 'GET', target: '/' });
    {
      using server = site.accept();
      received(server);
      say(server, text);
    }
    assert.throws(() => site.loop.run(async () => (await pending).body.text()), message, text);
  }
});

onKernel('who waits for bytes sees the end when the connection is closed here', () => {
  using site = new Site();
  const pending = site.client.upgrade({ method: 'POST', target: '/' });
  using server = site.accept();
  received(server);
  say(server, 'HTTP/1.1 101 X\n\n');
  const answer = site.loop.run(() => pending);
  assert.ok('connection' in answer);
  const reading = answer.connection.read();
  answer.connection[Symbol.dispose]();
  assert.equal(
    site.loop.run(() => reading),
    undefined,
  );
});

test('parseResponseHead() refuses what is no head', () => {
  assert.deepEqual(parseResponseHead('HTTP/1.1 200\r\nA: b:c'), { status: 200, headers: { a: 'b:c' } });
  for (const wrong of ['', 'HTTP/2 200 OK', 'HTTP/1.1 20 OK', 'HTTP/1.1 200 OK\r\nnothing'])
    assert.throws(() => parseResponseHead(wrong), /not an HTTP/, wrong);
});

test('parseAddress() reads hosts and refuses others', () => {
  assert.deepEqual(parseAddress('unix:///run/x.sock'), { kind: 'unix', path: '/run/x.sock' });
  assert.deepEqual(parseAddress('tcp://127.0.0.1:80'), { kind: 'tcp', host: '127.0.0.1', port: 80 });
  assert.deepEqual(parseAddress('tcp://localhost'), { kind: 'tcp', host: '127.0.0.1', port: 2375 });
  for (const wrong of [
    '',
    '/run/x.sock',
    'unix://x',
    'ssh://a',
    'tcp://example.org',
    'tcp://1.2.3.4:0',
    'tcp://1.2.3.400:1',
  ])
    assert.throws(() => parseAddress(wrong), /host "/, wrong);
});
