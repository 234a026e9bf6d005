// Volumes of the engine: parts of them, and those that are mounts of their own.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
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
