import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { generate } from 'selfsigned';
import { RegistryClient } from './client.ts';
import { CredentialFile } from './credentials.ts';
import { HttpClient } from './http.ts';
import { Proxies, proxyHeaders, shownProxy } from './proxies.ts';

const far = (no: string) =>
  new Proxies({ HTTP_PROXY: 'proxy.test:3128', HTTPS_PROXY: 'http://proxy.test', NO_PROXY: no });

test('Proxies.for() knows hosts, domains, networks and ports that are reached without one', () => {
  const cases: [no: string, url: string, direct: boolean][] = [
    ['', 'https://a.test/', false],
    ['*', 'https://a.test/', true],
    ['a.test', 'https://a.test/', true],
    ['a.test', 'https://b.a.test:5000/', true],
    ['a.test', 'https://ba.test/', false],
    ['.a.test', 'https://a.test/', false],
    ['.a.test', 'https://b.a.test/', true],
    ['*.a.test', 'https://b.a.test/', true],
    ['x.test, A.test:5000', 'https://a.test:5000/', true],
    ['a.test:5000', 'https://a.test/', false],
    ['a.test:443', 'https://a.test/', true],
    ['a.test:80', 'http://a.test/', true],
    ['10.0.0.0/8', 'https://10.1.2.3/', true],
    ['10.0.0.0/8', 'https://11.1.2.3/', false],
    ['10.0.0.0/8', 'https://a.test/', false],
    ['10.1.2.3', 'https://10.1.2.3:5000/', true],
    ['10.1.2.3:5001', 'https://10.1.2.3:5000/', false],
    ['1.2.3', 'https://10.1.2.3/', false],
    ['fd00::/8', 'https://[fd00::1]:5000/', true],
    ['[fd00::1]:5000', 'https://[fd00::1]:5000/', true],
    ['fd00::1', 'https://[fd00::1]/', true],
    ['', 'https://localhost:5000/', true],
    ['', 'http://127.9.0.1/', true],
    ['', 'https://[::1]/', true],
  ];
  for (const [no, url, direct] of cases)
    assert.equal(far(no).for(new URL(url)) === undefined, direct, `${url} with "${no}"`);
});

test('Proxies reads variables in either case, for each scheme its own, and names what is wrong', () => {
  const url = new URL('http://a.test');
  assert.equal(new Proxies({ http_proxy: 'p.test:1' }).for(url)?.href, 'http://p.test:1/');
  assert.equal(new Proxies({ http_proxy: 'p.test:1', HTTP_PROXY: 'https://q.test' }).for(url)?.href, 'https://q.test/');
  assert.equal(new Proxies({ HTTP_PROXY: 'p.test' }).for(new URL('https://a.test')), undefined);
  assert.throws(() => new Proxies({ https_proxy: 'socks5://p.test' }), {
    message: /HTTPS_PROXY: .*socks5/,
    kind: 'unsupported',
  });
  assert.throws(() => new Proxies({ HTTP_PROXY: 'http://' }), { message: /^HTTP_PROXY: no address/, kind: 'invalid' });
  assert.throws(() => new Proxies({ NO_PROXY: '10.0.0.0/33' }), { message: /^NO_PROXY: no network: "10.0.0.0\/33"/ });
  assert.deepEqual(proxyHeaders(new URL('http://a%40b:c@p.test')), {
    'proxy-authorization': `Basic ${Buffer.from('a@b:c').toString('base64')}`,
  });
  assert.equal(shownProxy({ http_proxy: 'http://a:b@p.test:1' }, 'HTTP_PROXY'), 'http://xxxxx:xxxxx@p.test:1');
});

const content = randomBytes(3_000_000);
const sum = createHash('sha256').update(content).digest('hex');

class Listening implements AsyncDisposable {
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async at(server: Server): Promise<Listening> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Listening(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** A proxy that knows one place by any name, and tells what it was asked for. */
function proxyTo(port: () => number, asked: string[]): Server {
  const isKnown = ({ headers }: IncomingMessage) => headers['proxy-authorization'] === `Basic ${btoa('me:secret')}`;
  const server = createServer((got, answer) => {
    asked.push(`${got.method} ${got.url} for ${got.headers.host}`);
    if (!isKnown(got)) return void answer.writeHead(407).end();
    const { pathname, search } = new URL(got.url ?? '');
    const path = pathname + search;
    const on = request(
      { host: '127.0.0.1', port: port(), method: got.method, path, headers: got.headers },
      (message) => {
        answer.writeHead(message.statusCode ?? 0, message.headers);
        message.pipe(answer);
      },
    );
    got.pipe(on);
  });
  const open: Socket[] = [];
  server.on('connect', (got, socket: Socket) => {
    asked.push(`CONNECT ${got.url}`);
    open.push(socket);
    socket.on('error', () => {});
    if (!isKnown(got)) return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const far = connect(port(), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    far.on('error', () => socket.destroy());
  });
  server.on('close', () => {
    for (const socket of open) socket.destroy();
  });
  return server;
}

const serve = (_: unknown, answer: { setHeader(name: string, value: number): void; end(data: Buffer): void }) => {
  answer.setHeader('content-length', content.length);
  answer.end(content);
};

for (const scheme of ['http', 'https'] as const) {
  test(`a proxy of the environment leads to a place of ${scheme}, and is told who asks`, async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'far.test' }]);
    const server = scheme === 'http' ? createServer(serve) : (createSecureServer({ key, cert }, serve) as Server);
    await using place = await Listening.at(server);
    const asked: string[] = [];
    await using proxy = await Listening.at(proxyTo(() => place.port, asked));
    const at = (who: string) => {
      const address = `http://${who}127.0.0.1:${proxy.port}`;
      return new Proxies({ HTTP_PROXY: address, HTTPS_PROXY: address });
    };
    const url = new URL(`${scheme}://far.test:5000/some?a=b`);
    using client = new HttpClient({ proxies: at('me:secret@') });
    for (const bulk of [false, true, true]) {
      const { body, pieces = body } = await client.send({ method: 'GET', url, bulk }, { insecure: true });
      const hash = createHash('sha256');
      for await (const group of pieces as AsyncIterable<Buffer | Buffer[]>)
        for (const piece of [group].flat()) hash.update(piece);
      assert.equal(hash.digest('hex'), sum);
    }
    const way = scheme === 'http' ? `GET ${url.href} for far.test:5000` : 'CONNECT far.test:5000';
    assert.deepEqual([...new Set(asked)], [way]);
    using stranger = new HttpClient({ proxies: at('') });
    const refused = stranger.send({ method: 'GET', url }, { insecure: true });
    if (scheme === 'https') await assert.rejects(refused, /does not lead to far.test:5000: it answered 407/);
    else assert.equal((await refused).status, 407);
    using verifying = new HttpClient({ proxies: at('me:secret@') });
    if (scheme === 'https')
      await assert.rejects(verifying.send({ method: 'GET', url }), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });
}

test('a proxy that leads nowhere is named, not the registry behind it', async () => {
  const asked: string[] = [];
  await using proxy = await Listening.at(proxyTo(() => 1, asked));
  const proxies = new Proxies({ HTTPS_PROXY: `127.0.0.1:${proxy.port}` });
  using client = new RegistryClient({ credentials: new CredentialFile({}), proxies });
  const endpoint = { host: 'far.test', path: 'app', insecure: false, digestOnly: false };
  const refused = { message: /^proxy 127\.0\.0\.1:\d+ does not lead to far\.test:443: it answered 407/ };
  await assert.rejects(client.manifest(endpoint, 'latest'), refused);
  assert.deepEqual(asked, ['CONNECT far.test:443']);
});
