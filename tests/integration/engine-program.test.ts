// What the client has the engine's program do without being an engine.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '#engine/images/content/fixture.ts';
import { EngineProcess } from './support/engine.ts';

const client = resolve(process.env['PROA'] ?? 'dist/proa');

test('what a bad disk did to an image is found, and mended when that is asked for', async () => {
  await using engine = await EngineProcess.start();
  const check = (...words: string[]) => {
    const env = { ...process.env, PROA_STATE: engine.state, PROA_RUN: engine.run };
    const { status, stdout, stderr } = spawnSync(client, ['system', 'check', ...words], { env, encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  const used = check();
  assert.equal(used.status, 3, used.stderr);
  assert.match(used.stderr, /is in use by process \d+/);
  await engine.ask('GET', '/images/proa/base/json');
  await engine.kill();
  assert.deepEqual(check(), { status: 0, stdout: 'nothing is wrong\n', stderr: '' });
  const blobs = join(engine.state, 'images/blobs/sha256');
  const [largest = ''] = readdirSync(blobs).sort(
    (a, b) => statSync(join(blobs, b)).size - statSync(join(blobs, a)).size,
  );
  writeFileSync(join(blobs, largest), 'rubbish');
  const found = check();
  assert.equal(found.status, 1);
  assert.equal(found.stdout, `corrupt sha256:${largest}\n`);
  const mended = check('--repair');
  assert.equal(mended.status, 0);
  assert.match(
    mended.stdout,
    new RegExp(`^corrupt sha256:${largest} mended\nmissing sha256:${largest} of .*proa/base`),
  );
  assert.deepEqual(check(), { status: 0, stdout: 'nothing is wrong\n', stderr: '' });
  writeFileSync(join(engine.state, 'images/index.json'), '{');
  await assert.rejects(engine.start(), /index\.json[\s\S]*proa system check --repair/);
  assert.match(check().stdout, /^unreadable index\.json/);
  assert.equal(check('--repair').status, 0);
  assert.equal(check().stdout, 'nothing is wrong\n');
  await engine.start();
  const id = await engine.runContainer(['true']);
  assert.equal((await engine.ask<{ StatusCode: number }>('POST', `/containers/${id}/wait`)).StatusCode, 0);
});

/** A registry that the client serves, as long as `body` runs. */
async function withRegistry(body: (address: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'proa-test-registry-'));
  const registry = spawn(client, ['registry', 'serve', '--root', root, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(registry.stdout, 'data')) as [Buffer];
    await body(/^listening on (\S+)\n$/.exec(line.toString())?.[1] as string);
  } finally {
    registry.kill('SIGTERM');
    assert.deepEqual(await once(registry, 'exit'), [0, null]);
    rmSync(root, { recursive: true });
  }
}

test('a layer that is not unpacked as it is stored is found, and made anew', async () => {
  await using engine = await EngineProcess.start();
  const check = (...words: string[]) => {
    const env = { ...process.env, PROA_STATE: engine.state, PROA_RUN: engine.run };
    return spawnSync(client, ['system', 'check', ...words], { env, encoding: 'utf8' }).stdout;
  };
  const id = await engine.runContainer(['sleep', '1000']);
  await engine.kill();
  const layers = join(engine.state, 'layers');
  const [layer = ''] = readdirSync(layers);
  const passwd = join(layers, layer, 'files/etc/passwd');
  const text = readFileSync(passwd, 'utf8');
  assert.equal(check(), 'nothing is wrong\n');
  writeFileSync(passwd, text.replace('root', 'toor'));
  const wrong = `corrupt ${layer.replace('-', ':')} (the layer is not unpacked as it is stored`;
  assert.equal(check(), `${wrong})\n`);
  assert.equal(check('--repair'), `${wrong}; a container uses it)\n`);
  await engine.start();
  await engine.ask('DELETE', `/containers/${id}?force=1`);
  await engine.kill();
  assert.equal(check('--repair'), `${wrong}) mended\n`);
  assert.deepEqual(readdirSync(layers), []);
  await engine.start();
  const again = await engine.runContainer(['grep', '-q', '^root:', '/etc/passwd']);
  assert.equal((await engine.ask<{ StatusCode: number }>('POST', `/containers/${again}/wait`)).StatusCode, 0);
});

test('an image is copied between registries and directories as it is', async () => {
  await using engine = await EngineProcess.start();
  await engine.ask('GET', '/images/proa/base/json');
  await engine.kill();
  const images = join(engine.state, 'images');
  const { manifests } = JSON.parse(readFileSync(join(images, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations: Record<string, string> }[];
  };
  const [{ digest, annotations }] = manifests as [(typeof manifests)[0]];
  const name = annotations['org.opencontainers.image.ref.name'];
  await withRegistry(async (host) => {
    const copy = (...words: string[]) => spawnSync(client, ['image', 'copy', ...words], { encoding: 'utf8' });
    const directory = join(engine.state, 'copied');
    for (const [from, to] of [
      [`oci:${images}:${name}`, `${host}/team/base:1`],
      [`${host}/team/base:1`, `docker://${host}/other/base:2`],
      [`${host}/other/base@${digest}`, `oci:${directory}:three`],
      [`oci:${directory}`, `${host}/team/base:4`],
    ] as const) {
      const { status, stdout, stderr } = copy(from, to);
      assert.equal(stderr, '');
      assert.equal(stdout, `${digest}\n`, `${from} to ${to}`);
      assert.equal(status, 0);
    }
    await referrersOf(`${host}/team/base`, digest);
    const missing = copy(`${host}/team/none:1`, `${host}/team/base:5`);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /the registry answered 404/);
    assert.match(copy('http://x/y', 'z').stderr, /"http:\/\/x\/y": expected a name as for pull, or oci:PATH\[:NAME\]/);
  });
});

/** Puts a signature beside an image, and asks for it. */
async function referrersOf(name: string, subject: string): Promise<void> {
  const [host = '', ...path] = name.split('/');
  const at = (rest: string) => `http://${host}/v2/${path.join('/')}/${rest}`;
  const { size, mediaType } = await fetch(at(`manifests/${subject}`)).then(async (answer) => ({
    size: (await answer.arrayBuffer()).byteLength,
    mediaType: answer.headers.get('content-type'),
  }));
  const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 };
  const begun = await fetch(at(`blobs/uploads/?digest=${empty.digest}`), { method: 'POST', body: '{}' });
  assert.equal(begun.status, 201);
  const signature = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: 'application/vnd.example.signature',
    config: empty,
    layers: [empty],
    subject: { mediaType, digest: subject, size },
  });
  const digest = digestOf(Buffer.from(signature));
  const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };
  const put = await fetch(at(`manifests/${digest}`), { method: 'PUT', body: signature, headers });
  assert.equal(put.status, 201);
  const ask = (...words: string[]) =>
    spawnSync(client, ['image', 'referrers', ...words, `${name}:1`], { encoding: 'utf8' });
  assert.match(
    ask().stdout,
    new RegExp(`^ARTIFACT TYPE .*CREATED\napplication/vnd.example.signature   ${digest}   ${signature.length}\n$`),
  );
  const { manifests } = JSON.parse(ask('--format', 'json').stdout) as { manifests: { digest: string }[] };
  assert.deepEqual(
    manifests.map((entry) => entry.digest),
    [digest],
  );
  assert.equal(ask('--artifact-type', 'other').stdout, 'ARTIFACT TYPE   DIGEST   SIZE   CREATED\n');
  assert.match(ask('--format', 'xml').stderr, /--format: expected table or json, got "xml"/);
  assert.match(ask('--platform', 'linux/amd64').stderr, /--platform: "1" is for one platform alone/);
}

test('the client serves a registry until it is told to end', async () => {
  await withRegistry(async (address) => {
    const answer = await fetch(`http://${address}/v2/`);
    assert.equal(answer.status, 200);
    assert.deepEqual(await (await fetch(`http://${address}/v2/_catalog`)).json().catch(() => ({})), {
      repositories: [],
    });
  });
  const { status, stderr } = spawnSync(client, ['registry', 'serve'], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /--root is missing/);
});

test('a layer that has more than the engine is told to allow is refused', async () => {
  process.env['PROA_LAYER_ENTRIES'] = '2';
  try {
    await using engine = await EngineProcess.start();
    await assert.rejects(engine.runContainer(['true']), /more than 2 entries/);
    process.env['PROA_LAYER_ENTRIES'] = 'many';
    await engine.kill();
    await assert.rejects(engine.start(), /PROA_LAYER_ENTRIES: expected a number of at most 15 digits, got "many"/);
    delete process.env['PROA_LAYER_ENTRIES'];
    await engine.start();
    await engine.runContainer(['true']);
  } finally {
    delete process.env['PROA_LAYER_ENTRIES'];
  }
});
