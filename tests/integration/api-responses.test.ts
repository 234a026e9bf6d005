// What the engine answers, against what Docker publishes of its Engine API.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { operations } from '#engine/api/routes/index.ts';
import { ContentStore } from '#engine/images/content/store.ts';
import { RegistryServer } from '#engine/registry-server/server.ts';
import { until } from './support/agent.ts';
import { EngineApi } from './support/engine-api.ts';
import { tarOf } from './support/images.ts';
import { SpecifiedEngine } from './support/specified-engine.ts';

const skip = EngineApi.missing;
const NONE = 'no-such-thing';
let engine: SpecifiedEngine;
let served: string;
let store: ContentStore;
let registry: RegistryServer;
let host: string;

const it = (name: string, body: () => Promise<void>) => test(name, { skip }, body);
const ask: SpecifiedEngine['ask'] = (line, given) => engine.ask(line, given);

before(async () => {
  if (skip) return;
  engine = await SpecifiedEngine.start();
  served = mkdtempSync(join(tmpdir(), 'proa-served-'));
  store = await ContentStore.open(served);
  registry = new RegistryServer({ store });
  host = await registry.listen(0);
});

after(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  store?.[Symbol.dispose]();
  if (served) rmSync(served, { recursive: true, force: true });
});

/** The id of a container that was made; `start`ed unless told otherwise. */
async function make(config: object = {}, { start = true, name = '' } = {}): Promise<string> {
  const body = { Image: 'proa/base', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' }, ...config };
  const { json } = await ask<{ Id: string }>('POST /containers/create', { body, ...(name && { name }) });
  if (start) await ask('POST /containers/{id}/start', { id: json.Id, status: 204 });
  return json.Id;
}

async function remove(id: string): Promise<void> {
  await ask('DELETE /containers/{id}', { id, force: 1, v: 1, status: 204 });
}

it('the engine itself is told as specified', async () => {
  await ask('GET /_ping', { status: 200 });
  await ask('HEAD /_ping', { status: 200 });
  await ask('GET /version', { status: 200 });
  await ask('GET /info', { status: 200 });
});

it('containers are listed and inspected as specified, whatever was asked for', async () => {
  const plain = await make();
  const full = await make(
    {
      Tty: true,
      OpenStdin: true,
      Env: ['A=b'],
      User: '1000:1000',
      WorkingDir: '/tmp',
      Entrypoint: ['sleep'],
      Cmd: ['1000'],
      Labels: { a: 'b' },
      ExposedPorts: { '80/tcp': {} },
      Volumes: { '/data': {} },
      Healthcheck: { Test: ['CMD-SHELL', 'echo well'], Interval: 100_000_000, Retries: 1 },
      StopSignal: 'SIGUSR1',
      StopTimeout: 1,
      Shell: ['/bin/sh', '-c'],
      Hostname: 'named',
      Domainname: 'example.org',
      HostConfig: {
        NetworkMode: 'host',
        Binds: ['/tmp:/machine:ro', 'named-volume:/named'],
        Mounts: [
          { Type: 'tmpfs', Target: '/scratch', TmpfsOptions: { SizeBytes: 1 << 20 } },
          { Type: 'volume', Source: 'other', Target: '/other', VolumeOptions: { Labels: { a: 'b' } } },
        ],
        Tmpfs: { '/more': 'size=1m' },
        Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
        Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/nothing', CgroupPermissions: 'rwm' }],
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
        CapAdd: ['NET_ADMIN'],
        CapDrop: ['CHOWN'],
        Dns: ['10.0.0.1'],
        DnsSearch: ['example.org'],
        DnsOptions: ['ndots:1'],
        ExtraHosts: ['other:10.0.0.2'],
        GroupAdd: ['2000'],
        SecurityOpt: ['no-new-privileges'],
        Sysctls: {},
        ShmSize: 1 << 20,
        Init: true,
        PidsLimit: 100,
        OomScoreAdj: 100,
        Annotations: { a: 'b' },
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
      },
    },
    { name: 'full' },
  );
  const created = await make({}, { start: false });
  const failed = await make({ Cmd: [NONE] }, { start: false });
  await ask('POST /containers/{id}/start', { id: failed, status: 400 });
  const ended = await make({ Cmd: ['false'] });
  const joined = await make({ HostConfig: { NetworkMode: `container:${plain}` } });
  await until(async () => (await engine.engine.inspect(full)).State.Health?.Status === 'healthy');
  for (const id of [plain, full, created, failed, ended, joined])
    await ask('GET /containers/{id}/json', { id, size: 1, status: 200 });
  for (const all of [0, 1]) await ask('GET /containers/json', { all, size: 1, status: 200 });
  await ask('GET /containers/json', { filters: { colour: ['red'] }, status: 400 });
  for (const id of [joined, plain, full, created, failed, ended]) await remove(id);
});

it('what containers are told to do is answered as specified', async () => {
  const id = await make({}, { name: 'told' });
  const other = await make({}, { start: false, name: 'other' });
  await ask('POST /containers/{id}/start', { id, status: 304 });
  await ask('POST /containers/{id}/pause', { id, status: 204 });
  await ask('POST /containers/{id}/unpause', { id, status: 204 });
  await ask('POST /containers/{id}/rename', { id, name: 'renamed', status: 204 });
  await ask('POST /containers/{id}/rename', { id, name: 'other', status: 409 });
  await ask('POST /containers/{id}/update', { id, body: { Memory: 64 << 20, CpuShares: 0 }, status: 200 });
  await ask('POST /containers/{id}/update', { id, body: { Memory: 7 }, status: 400 });
  await ask('POST /containers/{id}/update', { id, body: { Binds: ['/a:/b'] }, status: 501 });
  await ask('POST /containers/{id}/restart', { id, t: 0, status: 204 });
  await ask('DELETE /containers/{id}', { id, status: 409 });
  await ask('POST /containers/{id}/stop', { id, t: 0, status: 204 });
  await ask('POST /containers/{id}/stop', { id, status: 304 });
  await ask('POST /containers/{id}/kill', { id, status: 409 });
  await ask('POST /containers/{id}/wait', { id, status: 200 });
  await ask('POST /containers/{id}/wait', { id, condition: 'never', status: 400 });
  await ask('POST /containers/{id}/start', { id, status: 204 });
  await ask('POST /containers/{id}/kill', { id, signal: 'KILL', status: 204 });
  await ask('POST /containers/create', { name: 'other', body: { Image: 'proa/base' }, status: 409 });
  await ask('POST /containers/create', { body: { Image: NONE }, status: 404 });
  await ask('POST /containers/create', { body: { Image: 'proa/base', Cmd: 5 }, status: 400 });
  await remove(id);
  await remove(other);
  const { json } = await ask<{ ContainersDeleted: string[] | null }>('POST /containers/prune', { status: 200 });
  assert.equal(json.ContainersDeleted?.length ?? 0, 0);
  const gone = await make({}, { start: false });
  assert.deepEqual((await ask('POST /containers/prune')).json['ContainersDeleted'], [gone]);
});

it('streams and processes of containers are answered as specified', async () => {
  const id = await make({ Tty: true, Cmd: ['sh', '-c', 'echo said; sleep 1000'] });
  await ask('POST /containers/{id}/resize', { id, h: 40, w: 100, status: 200 });
  await ask('GET /containers/{id}/top', { id, status: 200 });
  await until(async () => (await ask('GET /containers/{id}/logs', { id, stdout: 1 })).text.includes('said'));
  await ask('POST /containers/{id}/attach', { id, logs: 1, stdout: 1, status: 200 });
  await ask('POST /containers/{id}/attach', { id, stream: 1, detachKeys: 'ctrl-?', status: 400 });
  const { json } = await ask<{ Id: string }>('POST /containers/{id}/exec', { id, body: { Cmd: ['cat'], Tty: true } });
  const exec = { id: json.Id };
  await ask('GET /exec/{id}/json', { ...exec, status: 200 });
  await ask('POST /exec/{id}/start', { ...exec, body: { Detach: true }, status: 200 });
  await ask('POST /exec/{id}/start', { ...exec, body: { Detach: true }, status: 409 });
  await ask('POST /exec/{id}/resize', { ...exec, h: 40, w: 100, status: 200 });
  await ask('POST /exec/{id}/resize', { ...exec, h: 'tall', w: 100, status: 400 });
  await ask('GET /exec/{id}/json', { ...exec, status: 200 });
  await ask('GET /containers/{id}/json', { id, status: 200 });
  await ask('POST /containers/{id}/pause', { id, status: 204 });
  await ask('POST /containers/{id}/exec', { id, body: { Cmd: ['true'] }, status: 409 });
  await remove(id);
});

it('what containers use is told as specified', async () => {
  const body = { HostConfig: { NetworkMode: 'none', Memory: 64 << 20, PidsLimit: 50 } };
  const id = await make({ ...body, Cmd: ['sh', '-c', 'while :; do :; done'] });
  const once = { id, stream: 0, status: 200 };
  const { json: first } = await ask<Stats>('GET /containers/{id}/stats', { ...once, 'one-shot': 1 });
  assert.equal(first.precpu_stats.cpu_usage.total_usage, 0);
  assert.match(first.preread, /^0001-/);
  assert.deepEqual(first.pids_stats, { current: 1, limit: 50 });
  assert.equal(first.memory_stats.limit, 64 << 20);
  assert.ok((first.memory_stats.usage ?? 0) > 100_000, String(first.memory_stats.usage));
  const { json: second } = await ask<Stats>('GET /containers/{id}/stats', once);
  assert.ok(Date.parse(second.read) - Date.parse(second.preread) >= 1000, `${second.preread} ${second.read}`);
  // It has had a good part of a processor in between, and no more than one.
  const { cpu_stats: now, precpu_stats: before } = second;
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const machine = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const share = (used / machine) * (now.online_cpus ?? 0);
  assert.ok(share > 0.05 && share < 1.2, `${share}: ${JSON.stringify(second)}`);
  await ask('GET /containers/{id}/stats', { id, stream: 1, 'one-shot': 1, status: 400 });
  await ask('POST /containers/{id}/kill', { id, status: 204 });
  await ask('POST /containers/{id}/wait', { id, status: 200 });
  const { json: ended } = await ask<Stats>('GET /containers/{id}/stats', once);
  assert.deepEqual([ended.id, ended.read, ended.pids_stats], [id, '0001-01-01T00:00:00Z', {}]);
  await remove(id);
});

interface CpuStats {
  cpu_usage: { total_usage: number };
  system_cpu_usage?: number;
  online_cpus?: number;
}

interface Stats {
  id: string;
  read: string;
  preread: string;
  cpu_stats: CpuStats;
  precpu_stats: CpuStats;
  memory_stats: { usage?: number; limit?: number };
  pids_stats: { current?: number; limit?: number };
}

it('files of containers are answered as specified', async () => {
  const id = await make();
  const archive = tarOf('echo new > new');
  const place = { id, path: '/tmp' };
  await ask('GET /containers/{id}/changes', { id, status: 200 });
  await ask('PUT /containers/{id}/archive', { ...place, body: archive, status: 200 });
  await ask('PUT /containers/{id}/archive', { ...place, body: Buffer.alloc(600, 1), status: 400 });
  await ask('HEAD /containers/{id}/archive', { ...place, status: 200 });
  await ask('GET /containers/{id}/archive', { ...place, status: 200 });
  for (const method of ['HEAD', 'GET', 'PUT']) {
    const body = method === 'PUT' ? archive : undefined;
    await ask(`${method} /containers/{id}/archive`, { id, body, status: 400 });
    await ask(`${method} /containers/{id}/archive`, { id, path: '/no/such', body, status: 404 });
  }
  await ask('GET /containers/{id}/changes', { id, status: 200 });
  await ask('GET /containers/{id}/export', { id, status: 200 });
  await ask('POST /commit', { container: id, repo: 'committed', comment: 'why', author: 'who', body: {}, status: 201 });
  await remove(id);
  const readOnly = await make({ HostConfig: { NetworkMode: 'none', ReadonlyRootfs: true } });
  await ask('PUT /containers/{id}/archive', { id: readOnly, path: '/tmp', body: archive, status: 403 });
  await remove(readOnly);
});

it('images are told as specified', async () => {
  await ask('POST /images/create', { fromSrc: '-', repo: 'imported', body: tarOf('echo word > word'), status: 200 });
  await ask('POST /images/{name}/tag', { name: 'proa/base', repo: `${host}/team/base`, tag: '1', status: 201 });
  await ask('POST /images/{name}/tag', { name: 'proa/base', repo: 'UPPER', status: 400 });
  const name = `${host}/team/base:1`;
  await ask('POST /images/{name}/push', { name: `${host}/team/base`, tag: '1', status: 200 });
  for (const one of ['proa/base', 'imported', 'committed', name]) {
    await ask('GET /images/{name}/json', { name: one, status: 200 });
    await ask('GET /images/{name}/history', { name: one, status: 200 });
  }
  await ask('GET /images/json', { all: 1, status: 200 });
  await ask('GET /images/get', { names: 'imported', status: 200 });
  const { bytes } = await ask('GET /images/{name}/get', { name: 'imported', status: 200 });
  await ask('DELETE /images/{name}', { name, status: 200 });
  await ask('DELETE /images/{name}', { name: 'imported', status: 200 });
  await ask('POST /images/load', { body: bytes, status: 200 });
  await ask('POST /images/create', { fromImage: `${host}/team/base`, tag: '1', status: 200 });
  const id = await make();
  await ask('DELETE /images/{name}', { name: (await engine.engine.inspect(id)).Image, status: 409 });
  await remove(id);
  await ask('POST /images/prune', { filters: { dangling: ['false'], label: ['none-has-it'] }, status: 200 });
  await ask('DELETE /images/{name}', { name: 'committed', status: 200 });
  await ask('POST /images/prune', { filters: { dangling: ['true'] }, status: 200 });
});

it('volumes are told as specified', async () => {
  await ask('POST /volumes/create', { body: { Name: 'full', Labels: { a: 'b' } }, status: 201 });
  await ask('POST /volumes/create', {
    body: { Name: 'bound', DriverOpts: { type: 'none', o: 'bind', device: '/tmp' } },
    status: 201,
  });
  await ask('POST /volumes/create', { body: {}, status: 201 });
  for (const name of ['full', 'bound']) await ask('GET /volumes/{name}', { name, status: 200 });
  await ask('GET /volumes', { status: 200 });
  const id = await make({ HostConfig: { NetworkMode: 'none', Binds: ['full:/data'] } });
  await ask('DELETE /volumes/{name}', { name: 'full', status: 409 });
  await remove(id);
  await ask('DELETE /volumes/{name}', { name: 'full', status: 204 });
  await ask('POST /volumes/prune', { status: 200 });
});

it('events are told as specified', async () => {
  const { text } = await ask('GET /events', { since: 1, until: Math.floor(Date.now() / 1000), status: 200 });
  assert.ok(text.split('\n').length > 50);
  await ask('GET /events', { since: 'yesterday', status: 400 });
});

it('what is not there is told as specified, by every operation that names something', async () => {
  for (const { method, path } of operations) {
    const template = path.replace('*}', '}');
    const line = `${method} ${template}`;
    const body = line === 'POST /commit' ? {} : undefined;
    if (/\{/.test(template) && !template.startsWith('/containers/{id}/archive'))
      await ask(line, { id: NONE, name: NONE, ...needed[line], status: 404 });
    if (line === 'POST /commit') await ask(line, { container: NONE, body, status: 404 });
  }
  await ask('POST /images/create', { fromImage: `${host}/${NONE}`, status: 404 });
});

/** What has to be right before it is looked who is meant. */
const needed: Record<string, Record<string, unknown>> = {
  'POST /containers/{id}/exec': { body: { Cmd: ['true'] } },
  'POST /exec/{id}/start': { body: {} },
  'POST /images/{name}/tag': { repo: 'other' },
  'POST /containers/{id}/rename': { name: 'other' },
  'GET /containers/{id}/logs': { stdout: 1 },
};

it('every operation was seen with every status that is specified for it', () => {
  const missing: string[] = [];
  for (const { method, path } of operations) {
    const line = `${method} ${path.replace('*}', '}')}`;
    const { responses } = engine.api.operation(method, path.replace('*}', '}'));
    for (const status of Object.keys(responses))
      if (Number(status) < 500 && !engine.seen.has(`${line} ${status}`) && !elsewhere[`${line} ${status}`])
        missing.push(`${line} ${status}`);
  }
  assert.deepEqual(missing, []);
  return Promise.resolve();
});

/** Why one is not seen here. */
const elsewhere: Record<string, string> = {
  'POST /containers/{id}/attach 101': 'tests/integration/hijack.test.ts',
  'DELETE /containers/{id} 400': 'there is no parameter that can be wrong',
  'POST /images/{name}/tag 409': 'a tag can always be moved',
};
