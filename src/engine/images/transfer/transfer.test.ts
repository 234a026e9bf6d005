import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { checkStore } from '../content/check.ts';
import { digestOf, put } from '../content/fixture.ts';
import type { Digest } from '../reference/digest.ts';
import { parseReference } from '../reference/parse.ts';
import { RegistryClient } from '../registry/client.ts';
import { CredentialFile } from '../registry/credentials.ts';
import { RegistryRules } from '../registry/hosts.ts';
import type { TransferEvent } from './events.ts';
import { putIndex, putRandom, World } from './fixture.ts';
import { choosePlatform, parsePlatform } from './platform.ts';
import { pullImage } from './pull.ts';
import { pushImage } from './push.ts';

const rules = RegistryRules.none;

test('an image is pushed to our registry, and pulled from it, with events', async () => {
  await using world = new World();
  const { host } = await world.registry();
  const [from, to] = [await world.store(), await world.store()];
  const image = await putRandom(from, 'amd64');
  await from.names.set(`${host}/team/app:1`, image);
  const { client } = world;
  const reference = parseReference(`${host}/team/app:1`);
  const pushed: TransferEvent[] = [];
  await pushImage(reference, { client, store: from, rules, onEvent: (event) => pushed.push(event) });
  assert.equal(pushed.filter(({ phase }) => phase === 'done').length, 3);
  await pushImage(reference, { client, store: from, rules, onEvent: (event) => pushed.push(event) });
  assert.equal(pushed.filter(({ phase }) => phase === 'exists').length, 3);

  const pulled = await pullImage(reference, { client, store: to, rules });
  assert.equal(pulled.target.digest, image.digest);
  assert.equal(pulled.changed, true);
  assert.equal((await pullImage(reference, { client, store: to, rules })).changed, false);
  assert.equal((await to.reachable()).size, 4);
  assert.deepEqual(await client.tags({ host, path: 'team/app', insecure: true, digestOnly: false }), ['1']);
});

test('of an index the own platform is pulled, and another when it is asked for', async () => {
  await using world = new World();
  const { host } = await world.registry();
  const from = await world.store();
  const { index, manifests } = await putIndex(from);
  await from.names.set(`${host}/app:all`, index);
  const { client } = world;
  const reference = parseReference(`${host}/app:all`);
  await pushImage(reference, { client, store: from, rules });
  for (const [at, platform] of ['linux/amd64', 'linux/arm64'].entries()) {
    const to = await world.store();
    const pulled = await pullImage(reference, { client, store: to, rules, platform: parsePlatform(platform) });
    assert.equal(pulled.manifest.digest, manifests[at]?.digest);
    assert.equal(pulled.target.digest, index.digest);
    assert.equal(await to.blobs.has(manifests[1 - at]?.digest as Digest), false);
  }
  const to = await world.store();
  const absent = pullImage(reference, { client, store: to, rules, platform: parsePlatform('linux/s390x') });
  await assert.rejects(absent, /no matching manifest for linux\/s390x .* has linux\/amd64, linux\/arm64/);
});

test('a pull that is cut goes on where it ended, and fetches nothing twice', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const image = await putRandom(store, 'amd64', 3_000_000);
  await store.names.set('app:1', image);
  await store.names.set(`app@${image.digest}`, image);
  let sent = 0;
  let cuts = 0;
  const proxy = await world.proxy(host, (request, response) => {
    if (!request.url?.includes('/blobs/')) return false;
    const [name, port] = host.split(':');
    const { method, url, headers } = request;
    httpRequest({ host: name, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      let passed = 0;
      answer.on('data', (chunk: Buffer) => {
        // Every transfer of something large is cut after a while.
        const piece = chunk.subarray(0, Math.max(0, 900_000 - passed));
        passed += piece.length;
        sent += piece.length;
        response.write(piece);
        if (passed >= 900_000) {
          cuts++;
          response.destroy();
          answer.destroy();
        }
      });
      answer.on('end', () => response.end());
    }).end();
    return true;
  });
  const to = await world.store();
  const reference = parseReference(`${proxy}/app:1`);
  const events: TransferEvent[] = [];
  await pullImage(reference, { client: world.client, store: to, rules, onEvent: (event) => events.push(event) });
  assert.ok(cuts >= 3);
  assert.ok(events.some(({ phase }) => phase === 'retrying'));
  const whole = 3_000_000 + 77 + 400;
  // What was on its way when a connection was cut is lost: a few socket buffers of 3 MB.
  assert.ok(sent < whole * 1.3, `${sent} bytes were sent`);
  assert.deepEqual(readdirSync(join(to.root, 'ingest')), []);
});

test('two pulls of one image at once bring it once, and both end well', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const image = await putRandom(store, 'amd64', 3_000_000);
  await store.names.set('app:1', image);
  const proxy = await world.slowProxy(host, { cutAfter: 1_000_000 });
  const to = await world.store();
  const reference = parseReference(`${proxy.host}/app:1`);
  const pull = () => pullImage(reference, { client: world.client, store: to, rules });
  const pulled = await Promise.all([pull(), pull(), pull()]);
  for (const { target } of pulled) assert.equal(target.digest, image.digest);
  assert.ok(proxy.sent() < 3_000_000 * 1.3, `${proxy.sent()} bytes were sent`);
  assert.equal((await to.reachable()).size, 4);
  assert.deepEqual(await checkStore(to), []);
  assert.equal((await pull()).changed, false);
});

test('what a registry sends is not believed: wrong content is refused and not kept', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const image = await putRandom(store, 'amd64');
  await store.names.set('app:1', image);
  const proxy = await world.proxy(host, (request, response) => {
    if (!request.url?.includes('/blobs/')) return false;
    response.writeHead(200, { 'content-length': 77 });
    response.end(randomBytes(77));
    return true;
  });
  const to = await world.store();
  const pull = pullImage(parseReference(`${proxy}/app:1`), { client: world.client, store: to, rules });
  await assert.rejects(pull, /does not match its digest|longer than|ended after/);
  assert.equal(to.names.list().length, 0);
});

test('429 is waited for, credentials do not follow a redirect elsewhere, and tokens are fetched', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const image = await putRandom(store, 'amd64');
  await store.names.set('app:1', image);
  const elsewhere: (string | undefined)[] = [];
  const other = await world.proxy(host, (request) => {
    elsewhere.push(request.headers.authorization);
    return false;
  });
  let busy = 1;
  const asked: string[] = [];
  const proxy = await world.proxy(host, (request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    if (url.pathname === '/token') {
      asked.push(
        `${url.searchParams.get('service')} ${url.searchParams.get('scope')} ${request.headers.authorization}`,
      );
      response.end(JSON.stringify({ token: 'secret', expires_in: 300 }));
      return true;
    }
    if (request.headers.authorization !== 'Bearer secret') {
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, {
        'www-authenticate': `Bearer realm="${realm}",service="test",scope="repository:app:pull"`,
      });
      response.end();
      return true;
    }
    if (busy-- > 0) {
      response.writeHead(429, { 'retry-after': '0' });
      response.end();
      return true;
    }
    if (!url.pathname.includes('/blobs/')) return false;
    response.writeHead(307, { location: `http://${other}${url.pathname}` });
    response.end();
    return true;
  });
  const credentials = new CredentialFile({ auths: { [proxy]: { auth: Buffer.from('user:word').toString('base64') } } });
  using client = new RegistryClient({ credentials });
  const to = await world.store();
  await pullImage(parseReference(`${proxy}/app:1`), { client, store: to, rules });
  assert.deepEqual(asked, [`test repository:app:pull Basic ${Buffer.from('user:word').toString('base64')}`]);
  assert.deepEqual([...new Set(elsewhere)], [undefined]);
});

test('failures say registry, repository and what was answered', async () => {
  await using world = new World();
  const { host } = await world.registry();
  const to = await world.store();
  const options = { client: world.client, store: to, rules };
  await assert.rejects(pullImage(parseReference(`${host}/no/such:1`), options), (error: Error) => {
    assert.match(
      error.message,
      new RegExp(`manifest "1" of ${host}/no/such: the registry answered 404 \\(NAME_UNKNOWN`),
    );
    return true;
  });
  await assert.rejects(pullImage(parseReference('127.0.0.1:1/a:1'), options), /cannot reach registry "127.0.0.1:1"/);
});

test('referrers and deletion', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const { client } = world;
  const from = await world.store();
  const endpoint = { host, path: 'app', insecure: true, digestOnly: false };
  const image = await putRandom(from, 'amd64');
  await from.names.set(`${host}/app:1`, image);
  await pushImage(parseReference(`${host}/app:1`), { client, store: from, rules });
  const empty = await put(from, 'application/vnd.oci.empty.v1+json', {});
  const signature = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest[0],
    artifactType: 'application/vnd.example.signature',
    config: empty,
    layers: [empty],
    subject: image,
  };
  const text = JSON.stringify(signature);
  await client.pushBlob(endpoint, empty, async function* () {
    yield Buffer.from('{}');
  });
  const digest = digestOf(Buffer.from(text));
  await client.pushManifest(endpoint, digest, mediaTypes.manifest[0], text);
  const found = await client.referrers(endpoint, image.digest as Digest, 'application/vnd.example.signature');
  assert.deepEqual(
    found.manifests.map((entry) => entry.digest),
    [digest],
  );
  assert.deepEqual((await client.referrers(endpoint, image.digest as Digest, 'other')).manifests, []);
  await client.deleteManifest(endpoint, digest);
  await client.deleteManifest(endpoint, image.digest);
  assert.equal(await client.resolve(endpoint, '1'), undefined);
  assert.equal(await store.blobs.has(image.digest as Digest), false);
});

test('choosePlatform() takes older variants where there is no better', () => {
  const entry = (text: string): Descriptor => ({ mediaType: '', digest: text, size: 0, platform: parsePlatform(text) });
  const entries = ['linux/arm/v6', 'linux/arm/v7', 'linux/arm64/v8', 'linux/amd64'].map(entry);
  const chosen = (text: string) => choosePlatform(entries, parsePlatform(text)).digest;
  assert.equal(chosen('linux/arm/v7'), 'linux/arm/v7');
  assert.equal(chosen('linux/arm/v8'), 'linux/arm/v7');
  assert.equal(chosen('linux/arm64'), 'linux/arm64/v8');
  assert.throws(() => chosen('linux/arm/v5'), /no matching manifest/);
  assert.throws(() => parsePlatform('amd64'), /expected OS\/ARCHITECTURE/);
});

test('credential helpers are asked, and their tokens told from passwords', async () => {
  const path = mkdtempSync(join(tmpdir(), 'proa-helper-'));
  try {
    const script =
      '#!/bin/sh\nread host\n[ "$host" = reg.example ] || exit 1\necho \'{"Username":"<token>","Secret":"t"}\'\n';
    writeFileSync(join(path, 'docker-credential-test'), script, { mode: 0o755 });
    process.env['PATH'] = `${path}:${process.env['PATH']}`;
    const file = new CredentialFile({ credsStore: 'test', auths: { other: { username: 'u', password: 'p' } } });
    assert.deepEqual(await file.for('reg.example'), { identityToken: 't' });
    assert.deepEqual(await file.for('other'), { username: 'u', password: 'p' });
    await assert.rejects(new CredentialFile({ credsStore: 'absent' }).for('x'), /cannot run the credential helper/);
  } finally {
    rmSync(path, { recursive: true });
  }
});

test('an upload that goes elsewhere takes no credentials along', async () => {
  await using world = new World();
  const { host } = await world.registry();
  const told: (string | undefined)[] = [];
  const other = await world.proxy(host, ({ headers: { authorization } }) => {
    told.push(authorization);
    return false;
  });
  const own = await world.proxy(host, ({ method, headers: { authorization } }, response) => {
    if (authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="a"' }).end();
    else if (method !== 'POST') return false;
    else {
      const begun = httpRequest(`http://${host}/v2/app/blobs/uploads/`, { method: 'POST' }, ({ headers }) => {
        response.writeHead(202, { location: `http://${other}${headers.location}` }).end();
      });
      begun.end();
    }
    return true;
  });
  const credentials = new CredentialFile({ auths: { [own]: { username: 'user', password: 'word' } } });
  using client = new RegistryClient({ credentials });
  const data = Buffer.from('some');
  const endpoint = { host: own, path: 'app', insecure: true, digestOnly: false };
  await client.pushBlob(endpoint, { digest: digestOf(data), size: data.length }, async function* () {
    yield data;
  });
  assert.deepEqual(told, [undefined]);
});

test('a registry that falls silent in a blob is asked again', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  await store.names.set('app:1', await putRandom(store, 'amd64', 500_000));
  let silent = 0;
  const proxy = await world.proxy(host, ({ url = '' }, response) => {
    if (!url.includes('/blobs/') || silent > 0) return false;
    silent++;
    response.writeHead(200, { 'content-length': 500_000 }).flushHeaders();
    return true;
  });
  using client = new RegistryClient({ credentials: new CredentialFile({}), idleMilliseconds: 200 });
  const reasons: (string | undefined)[] = [];
  await pullImage(parseReference(`${proxy}/app:1`), {
    client,
    store: await world.store(),
    rules,
    onEvent: ({ phase, reason }) => void (phase === 'retrying' && reasons.push(reason)),
  });
  assert.deepEqual(reasons, [`Error: ${proxy} says nothing for 0.2 s`]);
});

test('a push mounts what another repository of the registry has, and uploads what it may not mount', async () => {
  await using world = new World();
  const { host } = await world.registry();
  const from = await world.store();
  const image = await putRandom(from, 'amd64');
  const { client } = world;
  for (const mayMount of [true, false]) {
    const asked: string[] = [];
    const proxy = await world.proxy(host, ({ method, url = '' }, response) => {
      if (!url.includes('/blobs/') || !url.startsWith('/v2/new/')) return false;
      const mounts = new URL(url, 'http://x').searchParams.get('from');
      asked.push(mounts === null ? `${method}` : `${method} from ${mounts}`);
      // The registry of the fixture has one set of blobs for all repositories: this one is to have none.
      if (method === 'HEAD') response.writeHead(404).end();
      else if (mounts !== null && !mayMount) response.writeHead(403).end();
      else return false;
      return true;
    });
    for (const name of [`${proxy}/old/app:1`, `${proxy}/new:1`]) {
      await from.names.set(name, image);
      await pushImage(parseReference(name), { client, store: from, rules });
    }
    const each = mayMount ? ['HEAD', 'POST from old/app'] : ['HEAD', 'POST', 'POST from old/app', 'PUT'];
    assert.deepEqual(asked.sort(), each.flatMap((one) => [one, one, one]).sort());
  }
});
