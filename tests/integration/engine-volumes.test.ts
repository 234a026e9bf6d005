// Volumes of the engine: parts of them, and those that are mounts of their own.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { otherRuntime, until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

let engine: EngineProcess;
before(async () => {
  engine = await EngineProcess.start();
});
after(() => engine?.[Symbol.asyncDispose]());

const files = (volume: string) => join(engine.state, 'volumes', volume, '_data');

const create = (host: object, config: object = {}) =>
  engine.call<{ Id: string; message: string }>('POST', '/containers/create', {
    Image: 'proa/base',
    Cmd: ['sleep', '100'],
    HostConfig: { NetworkMode: 'none', ...host },
    ...config,
  });

async function outputOf(host: object, script: string): Promise<string> {
  const id = await engine.runContainer(['sh', '-c', script], { host });
  await engine.ask('POST', `/containers/${id}/wait`);
  const { bytes } = await engine.call<unknown>('GET', `/containers/${id}/logs?stdout=1&stderr=1`);
  return bytes.toString('latin1').replace(/[\x01\x02]\0{3}[\s\S]{4}/g, '');
}

const part = (Subpath: string, more: object = {}) => ({
  Mounts: [{ Type: 'volume', Source: 'parts', Target: '/part', VolumeOptions: { Subpath }, ...more }],
});

test('a part of a volume is mounted, and no link leads out of it', async () => {
  await engine.ask('POST', '/volumes/create', { Name: 'parts' });
  mkdirSync(join(files('parts'), 'a/b'), { recursive: true });
  writeFileSync(join(files('parts'), 'a/b/file'), 'word\n');
  symlinkSync('a/b', join(files('parts'), 'link'));
  for (const [name, target] of Object.entries({ absolute: '/etc', up: '../../..', through: 'a/../../../..' }))
    symlinkSync(target, join(files('parts'), name));
  for (const Subpath of ['a/b', 'link', 'a/b/'])
    assert.equal(await outputOf(part(Subpath), 'cat /part/file; touch /part/made'), 'word\n');
  assert.equal(await outputOf(part('a/b/file'), 'cat /part'), 'word\n');
  assert.match(await outputOf(part('a/b', { ReadOnly: true }), 'touch /part/x'), /Read-only file system/);
  for (const [Subpath, reason] of [
    ['absolute', /leads out of/],
    ['up', /leads out of/],
    ['through/etc', /leads out of/],
    ['missing', /openat2.*missing.*no such file/],
  ] as const) {
    const { Id } = (await create(part(Subpath))).json;
    const { status, text } = await engine.call('POST', `/containers/${Id}/start`);
    assert.equal(status, 400, `${Subpath}: ${text}`);
    assert.match(text, reason);
  }
  for (const Subpath of ['/a', '../a', 'a/../..'])
    assert.match((await create(part(Subpath))).text, /VolumeOptions.Subpath: expected a relative path without/);
  assert.match((await create(part('a', { Source: '' }))).text, /Subpath: must not be set when using anonymous volumes/);
});

test('files of a container that does not run are found below a part of a volume', async () => {
  await engine.ask('POST', '/volumes/create', { Name: 'parts' });
  mkdirSync(join(files('parts'), 'copied'), { recursive: true });
  writeFileSync(join(files('parts'), 'copied/text'), 'word\n');
  const { Id } = (await create(part('copied'))).json;
  assert.match((await engine.call('GET', `/containers/${Id}/archive?path=/part/text`)).text, /word/);
  symlinkSync('/etc', join(files('parts'), 'leaving'));
  const leaving = (await create(part('leaving'))).json.Id;
  assert.match((await engine.call('GET', `/containers/${leaving}/archive?path=/part/passwd`)).text, /leads out of/);
});

test('another runtime gets a part of a volume, too', { skip: otherRuntime('runc').skip }, async () => {
  await engine.ask('POST', '/volumes/create', { Name: 'parts' });
  mkdirSync(join(files('parts'), 'other'), { recursive: true });
  writeFileSync(join(files('parts'), 'other/file'), 'word\n');
  assert.equal(await outputOf({ Runtime: 'runc', ...part('other') }, 'cat /part/file; ls /part'), 'word\nfile\n');
  assert.equal(await outputOf({ Runtime: 'runc', ...part('other/file') }, 'cat /part'), 'word\n');
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(engine.run), false);
});

const isMounted = (volume: string) => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${files(volume)} `);

test('a volume that is a mount of its own is mounted for its first user, and unmounted after its last', async () => {
  const DriverOpts = { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=1000,noexec' };
  const { Mountpoint } = await engine.ask<{ Mountpoint: string }>('POST', '/volumes/create', {
    Name: 'memory',
    DriverOpts,
  });
  assert.equal(Mountpoint, files('memory'));
  const host = { Binds: ['memory:/data'] };
  const [first, second] = await Promise.all([1, 2].map(() => engine.runContainer(['sleep', '100'], { host })));
  assert.ok(isMounted('memory'));
  const show = 'echo word >/data/file; stat -c %u /data; df -k /data | tail -n 1; grep " /data " /proc/mounts';
  assert.match(await outputOf(host, show), /^1000\ntmpfs +1024 [\s\S]*noexec/);
  // Who takes it over knows who uses it.
  await engine.restart();
  assert.ok(isMounted('memory'));
  await engine.ask('POST', `/containers/${first}/stop?t=0`);
  assert.equal(await outputOf(host, 'cat /data/file'), 'word\n');
  const busy = await engine.call('DELETE', '/volumes/memory');
  assert.equal(busy.status, 409);
  await engine.ask('POST', `/containers/${second}/restart?t=0`);
  assert.ok(isMounted('memory'));
  await engine.kill();
  process.kill(pidOf(second), 'SIGKILL');
  await until(() => !existsSync(join(engine.run, 'containers', second ?? '')));
  assert.ok(isMounted('memory'));
  await engine.start();
  assert.equal(isMounted('memory'), false);
  for (const { Id } of await engine.ask<{ Id: string }[]>('GET', '/containers/json?all=1'))
    await engine.ask('DELETE', `/containers/${Id}?force=1`);
  await engine.ask('DELETE', '/volumes/memory');
});

function pidOf(id = ''): number {
  const state = JSON.parse(readFileSync(join(engine.run, 'containers', id, 'state.json'), 'utf8'));
  const { pid } = state as { pid?: number };
  assert.ok(pid);
  return pid;
}

test('a directory of the machine is a volume with the options of its mount, and its files outlive that', async () => {
  const device = join(engine.state, 'of-the-machine');
  mkdirSync(device);
  writeFileSync(join(device, 'file'), 'word\n');
  const Name = 'bound';
  await engine.ask('POST', '/volumes/create', { Name, DriverOpts: { type: 'none', device, o: 'bind,ro' } });
  const id = await engine.runContainer(['sh', '-c', 'cat /data/file; touch /data/x'], {
    host: { Binds: ['bound:/data'] },
  });
  await engine.ask('POST', `/containers/${id}/wait`);
  assert.match(
    (await engine.call('GET', `/containers/${id}/logs?stdout=1&stderr=1`)).text,
    /word[\s\S]*Read-only file/,
  );
  assert.match((await engine.call('GET', `/containers/${id}/archive?path=/data/file`)).text, /word/);
  await until(() => !isMounted(Name));
  await engine.ask('DELETE', `/containers/${id}`);
  await engine.ask('DELETE', `/volumes/${Name}`);
  assert.equal(readFileSync(join(device, 'file'), 'utf8'), 'word\n');
});

test('options of a volume that cannot be are refused, and what cannot be mounted is told without its password', async () => {
  for (const [DriverOpts, status, reason] of [
    [{ type: 'tmpfs' }, 400, 'missing required option: \\"device\\"'],
    [{ device: '/dev/none' }, 400, 'missing required option: \\"type\\"'],
    [{ o: 'ro' }, 400, 'missing required option'],
    [{ type: 'tmpfs', device: 'tmpfs', sized: '1m' }, 400, 'invalid option: \\"sized\\"'],
    [{ size: '1m' }, 501, 'DriverOpts: \\"size\\" is not supported'],
    [{ type: 'none', device: 'here', o: 'bind' }, 400, 'DriverOpts.device: expected an absolute path'],
    [{ type: 'none', device: '/tmp' }, 400, 'DriverOpts.o: type \\"none\\" needs bind'],
  ] as const) {
    const { status: told, text } = await engine.call('POST', '/volumes/create', { DriverOpts });
    assert.deepEqual([told, text.includes(reason)], [status, true], `${JSON.stringify(DriverOpts)}: ${text}`);
  }
  const DriverOpts = { type: 'tmpfs', device: 'tmpfs', o: 'password=secret' };
  await engine.ask('POST', '/volumes/create', { Name: 'wrong', DriverOpts });
  assert.equal(statSync(join(engine.state, 'volumes/wrong/volume.json')).mode & 0o777, 0o600);
  const { Id } = (await create({ Binds: ['wrong:/data'] })).json;
  const { status, text } = await engine.call('POST', `/containers/${Id}/start`);
  assert.ok(status >= 400 && /mount volume .*wrong/.test(text) && !text.includes('secret'), `${status} ${text}`);
});

const inMemory = { type: 'tmpfs', device: 'tmpfs' };
const anonymous = {
  Mounts: [{ Type: 'volume', Target: '/data', VolumeOptions: { DriverConfig: { Options: inMemory } } }],
};

async function volumeOf(id: string): Promise<string> {
  const [{ Name = '' } = {}] = (await engine.inspect(id)).Mounts;
  assert.ok(isMounted(Name));
  return Name;
}

async function assertGone(id: string, volume: string): Promise<void> {
  assert.equal((await engine.call('GET', `/containers/${id}/json`)).status, 404);
  assert.equal((await engine.call('GET', `/volumes/${volume}`)).status, 404);
  assert.deepEqual([isMounted(volume), existsSync(join(engine.state, 'volumes', volume))], [false, false]);
}

test('an anonymous volume that is a mount goes with its container, also where that ended while no engine was there', async () => {
  const id = await engine.runContainer(['sleep', '100'], { host: { AutoRemove: true, ...anonymous } });
  const volume = await volumeOf(id);
  await engine.kill();
  process.kill(pidOf(id), 'SIGKILL');
  await until(() => !existsSync(join(engine.run, 'containers', id)));
  const told = engine.errors.length;
  await engine.start();
  await assertGone(id, volume);
  assert.equal(engine.errors.slice(told), '');
});

test('a volume in which somebody has files open is unmounted and removed', async () => {
  const id = await engine.runContainer(['sleep', '100'], { host: anonymous });
  const volume = await volumeOf(id);
  const file = openSync(files(volume), 'r');
  try {
    await engine.ask('DELETE', `/containers/${id}?force=1&v=1`);
    await assertGone(id, volume);
  } finally {
    closeSync(file);
  }
});

test('a volume that is mounted for nobody is unmounted before it is removed; what others mount on one is theirs', async () => {
  const mount = (Name: string) => execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', files(Name)]);
  for (const [Name, DriverOpts] of [
    ['left', inMemory],
    ['plain', {}],
  ] as const) {
    await engine.ask('POST', '/volumes/create', { Name, DriverOpts });
    mount(Name);
  }
  const file = openSync(files('left'), 'r');
  try {
    await engine.ask('DELETE', '/volumes/left');
    assert.deepEqual([isMounted('left'), existsSync(files('left'))], [false, false]);
    const { status, text } = await engine.call('DELETE', '/volumes/plain');
    assert.deepEqual([status, /active mounts/.test(text), isMounted('plain')], [409, true, true]);
    const pruned = await engine.ask<{ VolumesDeleted: string[] }>('POST', '/volumes/prune?filters={"all":["1"]}');
    assert.equal(pruned.VolumesDeleted.includes('plain'), false);
  } finally {
    closeSync(file);
    execFileSync('umount', [files('plain')]);
  }
  await engine.ask('DELETE', '/volumes/plain');
});

test('mounts below a directory that a volume stands for stay where they are', async () => {
  const device = join(engine.state, 'with-mounts');
  const mountAt = (path: string) => {
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', path]);
    execFileSync('mount', ['--make-shared', path]);
  };
  mountAt(device);
  mountAt(join(device, 'below'));
  writeFileSync(join(device, 'below/file'), 'word\n');
  await engine.ask('POST', '/volumes/create', { Name: 'tree', DriverOpts: { type: 'none', device, o: 'rbind,ro' } });
  assert.equal(await outputOf({ Binds: ['tree:/data'] }, 'cat /data/below/file'), 'word\n');
  await until(() => !isMounted('tree'));
  assert.equal(readFileSync(join(device, 'below/file'), 'utf8'), 'word\n');
  execFileSync('umount', ['-R', device]);
});

/** What an engine that was killed may have left of them. */
function editRecord(id: string, edit: (record: { name: string; started: boolean; host: object }) => void): void {
  const path = join(engine.state, 'engine/containers', id, 'container.json');
  const record = JSON.parse(readFileSync(path, 'utf8'));
  edit(record);
  writeFileSync(path, JSON.stringify(record));
}

/** Of containers, in the order in which an engine that takes over finds them. */
const inOrder = (ids: string[]) =>
  readdirSync(join(engine.state, 'engine/containers')).filter((id) => ids.includes(id));

test('a container that cannot be started at a takeover leaves a volume with the one that uses it', async () => {
  await engine.ask('POST', '/volumes/create', { Name: 'shared', DriverOpts: inMemory });
  const missing = join(engine.state, 'missing');
  mkdirSync(missing);
  const host = { Binds: ['shared:/data'], Mounts: [{ Type: 'bind', Source: missing, Target: '/missing' }] };
  const made = [];
  for (let count = 0; count < 18; count++) made.push((await create(host)).json.Id);
  const [first = '', ...others] = inOrder(made);
  // More than are looked at side by side are between the one that fails at once and the one that runs.
  const last = others.pop() ?? '';
  await engine.ask('POST', `/containers/${last}/start`);
  await engine.kill();
  rmdirSync(missing);
  for (const id of [first, ...others])
    editRecord(id, (record) => {
      const comesBack = { started: true, host: { ...record.host, RestartPolicy: { Name: 'always' } } };
      Object.assign(record, comesBack, id !== first && { mounts: [] });
    });
  await engine.start();
  assert.match(engine.errors, /cannot start container .*missing/);
  for (const id of others) assert.equal((await engine.inspect(id)).State.Status, 'running');
  assert.ok(isMounted('shared'));
  for (const id of made) await engine.ask('DELETE', `/containers/${id}?force=1`);
  await engine.ask('DELETE', '/volumes/shared');
});

test('a container whose removal is finished at a takeover takes no name from the one that has it now', async () => {
  const made = [];
  for (let count = 0; count < 3; count++) made.push((await create({})).json.Id);
  const [first = '', ...others] = inOrder(made);
  await engine.kill();
  editRecord(first, (record) => Object.assign(record, { name: 'wanted' }));
  for (const id of others)
    editRecord(id, (record) => {
      Object.assign(record, { name: 'wanted', started: true, host: { ...record.host, AutoRemove: true } });
    });
  await engine.start();
  assert.equal((await engine.inspect('wanted')).Id, first);
  for (const id of others) assert.equal((await engine.call('GET', `/containers/${id}/json`)).status, 404);
  await engine.ask('DELETE', `/containers/${first}`);
});

test('what a test leaves mounted in the directories of an engine is not removed with them', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'proa-test-outside-'));
  mkdirSync(join(outside, 'deep'));
  writeFileSync(join(outside, 'file'), 'word\n');
  const other = await EngineProcess.start();
  const place = join(other.state, 'mounted');
  mkdirSync(place);
  for (const path of [place, join(place, 'deep')]) execFileSync('mount', ['--bind', outside, path]);
  await other[Symbol.asyncDispose]();
  assert.deepEqual([existsSync(other.state), readFileSync(join(outside, 'file'), 'utf8')], [false, 'word\n']);
  rmSync(outside, { recursive: true });
});
