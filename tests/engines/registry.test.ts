// Other people's tools against our registry server and our image store.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import { loadImages } from '#engine/images/archive/load.ts';
import { saveImages } from '#engine/images/archive/save.ts';
import { checkStore } from '#engine/images/content/check.ts';
import { put, putImage } from '#engine/images/content/fixture.ts';
import { ContentStore } from '#engine/images/content/store.ts';
import { Snapshots } from '#engine/images/layers/snapshots.ts';
import { LayerStore } from '#engine/images/layers/store.ts';
import { ImageLibrary } from '#engine/images/library/images.ts';
import { parseReference } from '#engine/images/reference/parse.ts';
import { RegistryClient } from '#engine/images/registry/client.ts';
import { CredentialFile } from '#engine/images/registry/credentials.ts';
import { RegistryRules } from '#engine/images/registry/hosts.ts';
import { contentSource } from '#engine/images/transfer/content-place.ts';
import { copyImage } from '#engine/images/transfer/copy.ts';
import { pullImage } from '#engine/images/transfer/pull.ts';
import { pushImage } from '#engine/images/transfer/push.ts';
import { registrySource, registryTarget } from '#engine/images/transfer/registry-place.ts';
import { Agent } from '#tests/integration/support/agent.ts';
import { serveRegistry, startDockerRegistry } from './registries.ts';
import { makeRootfs, openSite, type Site } from './support.ts';

let site: Site;
let work: string;
let server: ChildProcess;
let host: string;
let image: { mediaType: string; digest: string; size: number };
const client = new RegistryClient({ credentials: new CredentialFile({}) });
const rules = RegistryRules.none;

before(async () => {
  // On the machine's own network: its loopback is where the registry is.
  site = await openSite('registry', { network: false });
  work = mkdtempSync('/tmp/proa-registry-');
  ({ server, host } = await serveRegistry(join(work, 'served')));
  image = await withStore('ours', putBusybox);
});

after(async () => {
  server?.kill();
  client[Symbol.dispose]();
  await site?.end();
  rmSync(work, { recursive: true, force: true });
});

async function withStore<T>(name: string, body: (store: ContentStore) => Promise<T>): Promise<T> {
  using store = await ContentStore.open(join(work, name));
  return body(store);
}

/** An image that runs: busybox, two layers. */
async function putBusybox(store: ContentStore) {
  const rootfs = join(work, 'rootfs');
  await makeRootfs(rootfs);
  mkdirSync(join(work, 'more/etc'), { recursive: true });
  execFileSync('sh', ['-c', 'echo second layer > "$1/etc/word"', 'sh', join(work, 'more')]);
  const tars = [rootfs, join(work, 'more')].map((directory) =>
    execFileSync('tar', ['--create', '--directory', directory, '--numeric-owner', '.'], { maxBuffer: 1 << 28 }),
  );
  const layers = [];
  for (const tar of tars) layers.push(await put(store, 'application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar)));
  const diffIds = tars.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`);
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['cat', '/etc/word'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: diffIds },
  };
  const manifest = await put(store, mediaTypes.manifest[0], {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest[0],
    config: await put(store, mediaTypes.config[0], config),
    layers,
  });
  await store.names.set(`${host}/team/app:1`, manifest);
  await store.names.set('app:1', manifest);
  return manifest;
}

/** The image as an archive that we write. */
async function saveOurs(name: string): Promise<string> {
  const path = join(work, `${name}.tar`);
  const images = [{ names: [`${host}/team/saved:1`], target: image }];
  await withStore('ours', (store) => saveImages(store, images, createWriteStream(path)));
  return path;
}

/** What another tool saved is an image here, under the name that it had there. */
async function loadTheirs(path: string): Promise<void> {
  const [loaded] = await withStore('theirs', (store) => loadImages(store, createReadStream(path)));
  assert.deepEqual(loaded?.names, [`${host}/team/saved:1`]);
}

/** What a container of theirs does, before it becomes an image. */
const CHANGE = 'echo changed > /etc/word; rm /etc/group';

/** Pulls an image that others made, and runs its command with /etc/word: what it writes. */
async function pullAndRun(name: string): Promise<string[]> {
  const program = resolve('dist/proa-unpack');
  using store = await ContentStore.open(join(work, 'theirs'));
  await using layers = await LayerStore.open(join(work, 'theirs-layers'), { program });
  await pullImage(parseReference(name), { client, store, rules, layers });
  const image = await new ImageLibrary(store).find(name);
  const snapshots = await Snapshots.open(join(work, 'theirs-snapshots'));
  const overlay = await snapshots.prepare(image.id.replace(':', '-'), await layers.unpack(image, { content: store }));
  await using agent = new Agent();
  await agent.start();
  const args = ['sh', '-c', 'cat /etc/word; cat /etc/group 2>/dev/null; true'];
  const id = await agent.create({ args, request: { overlay } });
  assert.equal((await agent.ended(id)).status, 0);
  return agent.log(id);
}

function succeed(line: string[], seconds = 120): string {
  const { status, stdout, stderr } = site.run(line, { seconds });
  assert.equal(status, 0, `${line.join(' ')}:\n${stderr}`);
  return stdout;
}

test('skopeo reads our store as an OCI layout', () => {
  const raw = succeed(['skopeo', 'inspect', '--raw', `oci:${join(work, 'ours')}:app:1`]);
  assert.equal(`sha256:${createHash('sha256').update(raw).digest('hex')}`, image.digest);
});

test('skopeo copies into our store, which finds the image there and nothing wrong', async () => {
  const path = join(work, 'filled');
  await withStore('filled', (store) => put(store, 'text/plain', 'of our own').then(() => {}));
  succeed(['skopeo', 'copy', `oci:${join(work, 'ours')}:app:1`, `oci:${path}:docker.io/library/copied:1`]);
  await withStore('filled', async (store) => {
    const library = new ImageLibrary(store);
    assert.equal((await library.find('copied:1')).target.digest, image.digest);
    assert.deepEqual(
      (await checkStore(store)).map(({ what }) => what),
      ['unreferenced'],
    );
    await library.remove('copied:1');
    assert.deepEqual(await store.blobs.list(), []);
  });
});

test('images go between our registry and docker-registry without being unpacked, and mounted within one', async () => {
  const { host: other, writes } = await startDockerRegistry(site, work);
  const endpoint = (at: string, path: string) => ({ host: at, path, insecure: true, digestOnly: false });
  const place = (at: string, path: string, mountFrom?: string) => ({
    source: registrySource(client, [endpoint(at, path)]),
    target: registryTarget(client, endpoint(at, path), { mountFrom: () => mountFrom }),
  });
  const index = await withStore('ours', async (store) => {
    const arm = await putImage(store, ['of another machine'], { architecture: 'arm64' });
    const own = process.arch === 'x64' ? 'amd64' : process.arch;
    const manifests = [
      { ...image, platform: { os: 'linux', architecture: own } },
      { ...arm, platform: { os: 'linux', architecture: 'arm64' } },
    ];
    const made = await put(store, mediaTypes.index[0], { schemaVersion: 2, mediaType: mediaTypes.index[0], manifests });
    await store.names.set('index', made);
    const source = contentSource(store.blobs, (name) => store.names.get(name));
    await copyImage('index', '1', { source, target: place(host, 'all/app').target });
    return made;
  });
  const copied = await copyImage('1', '2', {
    source: place(host, 'all/app').source,
    target: place(other, 'first').target,
  });
  assert.equal(copied.digest, index.digest);
  const before = writes();
  assert.ok(before >= 5, `${before} blobs were sent`);
  const within = { source: place(other, 'first').source, target: place(other, 'second', 'first').target };
  await copyImage('2', '3', within);
  assert.equal(writes(), before, 'bytes were sent for what is there already');
  await copyImage('3', '4', { source: place(other, 'second').source, target: place(host, 'returned/app').target });
  assert.equal((await client.resolve(endpoint(host, 'returned/app'), '4'))?.digest, index.digest);
  const platform = { os: 'linux', architecture: 'arm64' };
  await copyImage('3', '5', { source: place(other, 'second').source, target: place(host, 'one/app').target, platform });
  const inspected = JSON.parse(succeed(['skopeo', 'inspect', '--tls-verify=false', `docker://${host}/one/app:5`]));
  assert.equal(inspected.Architecture, 'arm64');
  const away = succeed(['skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${other}/second:3`]);
  assert.equal(`sha256:${createHash('sha256').update(away).digest('hex')}`, index.digest);
});

test('we push, skopeo pulls from our registry and pushes to it, we pull that', async () => {
  await withStore('ours', (store) => pushImage(parseReference(`${host}/team/app:1`), { client, store, rules }));
  succeed([
    'skopeo',
    'copy',
    '--src-tls-verify=false',
    `docker://${host}/team/app:1`,
    `oci:${join(work, 'copied')}:app`,
  ]);
  const copied = JSON.parse(readFileSync(join(work, 'copied/index.json'), 'utf8'));
  assert.equal(copied.manifests[0].digest, image.digest);
  const away = ['skopeo', 'copy', '--dest-tls-verify=false', '--preserve-digests'];
  succeed([...away, `oci:${join(work, 'copied')}:app`, `docker://${host}/back/app:2`]);
  await withStore('theirs', async (store) => {
    const { target } = await pullImage(parseReference(`${host}/back/app:2`), { client, store, rules });
    assert.equal(target.digest, image.digest);
  });
  const { Tags } = JSON.parse(succeed(['skopeo', 'list-tags', '--tls-verify=false', `docker://${host}/back/app`]));
  assert.deepEqual(Tags, ['2']);
});

test('skopeo converts to Docker’s formats by our registry, and deletes there', async () => {
  const format = ['--format', 'v2s2', '--dest-tls-verify=false'];
  succeed(['skopeo', 'copy', ...format, `oci:${join(work, 'ours')}:app:1`, `docker://${host}/docker/app:1`]);
  await withStore('theirs', async (store) => {
    const { target } = await pullImage(parseReference(`${host}/docker/app:1`), { client, store, rules });
    assert.equal(target.mediaType, mediaTypes.manifest[1]);
  });
  succeed(['skopeo', 'delete', '--tls-verify=false', `docker://${host}/docker/app:1`]);
  const gone = site.run(['skopeo', 'inspect', '--tls-verify=false', `docker://${host}/docker/app:1`]);
  assert.notEqual(gone.status, 0);
});

test('podman pulls from our registry, runs what it got, and pushes what runs here', async () => {
  const storage = ['--root', join(work, 'podman'), '--runroot', join(work, 'podman-run'), '--storage-driver', 'vfs'];
  const podman = ['env', 'PODMAN_IGNORE_CGROUPSV1_WARNING=1', 'podman', ...storage];
  succeed([...podman, 'pull', '--tls-verify=false', `${host}/team/app:1`]);
  const options = ['--network', 'none', '--cgroup-manager', 'cgroupfs'];
  const run = [...podman, ...options.slice(2), 'run', '--rm', ...options.slice(0, 2)];
  assert.equal(succeed([...run, '--cgroup-parent', `/${site.cgroup}`, `${host}/team/app:1`]), 'second layer\n');
  const kept = [...run.filter((word) => word !== '--rm'), '--cgroup-parent', `/${site.cgroup}`, '--name', 'changed'];
  succeed([...kept, `${host}/team/app:1`, 'sh', '-c', CHANGE]);
  succeed([...podman, 'commit', 'changed', `${host}/from/podman:1`]);
  succeed([...podman, 'push', '--tls-verify=false', `${host}/from/podman:1`]);
  assert.deepEqual(await pullAndRun(`${host}/from/podman:1`), ['stdout F changed']);
  succeed([...podman, 'load', '--input', await saveOurs('for-podman')]);
  for (const format of ['oci-archive', 'docker-archive']) {
    const path = join(work, `podman-${format}.tar`);
    succeed([...podman, 'save', '--format', format, '--output', path, `${host}/team/saved:1`]);
    await loadTheirs(path);
  }
});

test('docker pulls from our registry, runs what it got, and pushes what runs here', async () => {
  const socket = `unix://${join(work, 'docker.sock')}`;
  const options = {
    'data-root': join(work, 'docker'),
    'exec-root': join(work, 'docker-run'),
    pidfile: join(work, 'docker.pid'),
    host: socket,
    bridge: 'none',
    iptables: 'false',
    ip6tables: 'false',
    'cgroup-parent': `/${site.cgroup}`,
    'log-level': 'warn',
  };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const docker = ['docker', '--host', socket];
  await site.daemon(['dockerd', ...flags], [...docker, 'version']);
  succeed([...docker, 'pull', `${host}/team/app:1`]);
  const run = [...docker, 'run', '--rm', '--network', 'none'];
  assert.equal(succeed([...run, `${host}/team/app:1`]), 'second layer\n');
  // One that docker made itself: of what a container changed.
  const kept = run.filter((word) => word !== '--rm');
  succeed([...kept, '--name', 'changed', `${host}/team/app:1`, 'sh', '-c', CHANGE]);
  succeed([...docker, 'commit', 'changed', `${host}/from/docker:1`]);
  succeed([...docker, 'push', `${host}/from/docker:1`]);
  assert.deepEqual(await pullAndRun(`${host}/from/docker:1`), ['stdout F changed']);
  succeed([...docker, 'load', '--input', await saveOurs('for-docker')]);
  succeed([...docker, 'save', '--output', join(work, 'docker.tar'), `${host}/team/saved:1`]);
  await loadTheirs(join(work, 'docker.tar'));
});
