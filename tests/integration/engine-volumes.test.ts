// Volumes of the engine: parts of them, and those that are mounts of their own.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { otherRuntime } from './support/agent.ts';
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
