import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EngineProcess } from './support/engine.ts';

/** The names that an archive gives its images. */
function namesIn(archive: Buffer): string[] {
  const text = execFileSync('tar', ['--extract', '--to-stdout', '--file', '-', 'manifest.json'], { input: archive });
  return (JSON.parse(text.toString()) as { RepoTags: string[] | null }[])
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .sort();
}

test('an image is saved under the name that was asked for, a repository with all its tags, an ID without a name', async () => {
  await using engine = await EngineProcess.start();
  for (const tag of ['1', '2']) await engine.ask('POST', `/images/proa/base/tag?repo=team/app&tag=${tag}`);
  const saved = async (name: string) => namesIn((await engine.call('GET', `/images/${name}/get`)).bytes);
  assert.deepEqual(await saved('team/app:1'), ['team/app:1']);
  assert.deepEqual(await saved('team/app'), ['team/app:1', 'team/app:2']);
  const { Id } = await engine.ask<{ Id: string }>('GET', '/images/proa/base/json');
  assert.deepEqual(await saved(Id), []);
  assert.equal((await engine.call('GET', '/images/team/none/get')).status, 404);
});

test('parameters that are not honoured are refused by name, unless they ask for nothing', async () => {
  await using engine = await EngineProcess.start();
  for (const path of [
    '/images/proa/base/json?manifests=1',
    '/images/json?shared-size=true',
    '/images/proa/base/get?platform={}',
  ]) {
    const { status, text } = await engine.call('GET', path);
    assert.equal(status, 501, text);
    assert.match(text, /parameter (manifests|shared-size|platform) is not supported/);
  }
  assert.equal((await engine.call('GET', '/images/json?shared-size=0&manifests=false')).status, 200);
  const body = { Image: 'proa/base', MacAddress: '02:00:00:00:00:01' };
  assert.match((await engine.call('POST', '/containers/create', body)).text, /request\.MacAddress: not supported/);
});

test('an image is mounted in a container, and stays as long as that needs it', async () => {
  await using engine = await EngineProcess.start();
  const first = await engine.runContainer(['sh', '-c', 'mkdir /made; echo word > /made/file; rm /bin/ls']);
  await engine.ask('POST', `/containers/${first}/wait`);
  const { Id: made } = await engine.ask<{ Id: string }>('POST', `/commit?container=${first}&repo=made`);
  await engine.ask('DELETE', `/containers/${first}`);
  const mount = (Source: string, Target: string) => ({ Type: 'image', Source, Target });
  const script = 'cat /two/made/file; ls /two/bin/ls /one/bin/ls; touch /one/x; touch /two/x';
  const id = await engine.runContainer(['sh', '-c', script], {
    host: { Mounts: [mount('proa/base', '/one'), mount('made', '/two')] },
  });
  await engine.ask('POST', `/containers/${id}/wait`);
  const output = (await engine.call('GET', `/containers/${id}/logs?stdout=1&stderr=1`)).bytes.toString('latin1');
  for (const line of [
    'word',
    'ls: /two/bin/ls: No such file',
    '/one/bin/ls',
    'touch: /one/x: Read-only',
    'touch: /two/x: Read-only',
  ])
    assert.ok(output.includes(line), `"${line}" in ${output}`);
  const { Mounts } = await engine.inspect(id);
  assert.deepEqual(
    Mounts.map(({ Type, Source, RW }: { Type: string; Source: string; RW: boolean }) => [Type, Source, RW]),
    [
      ['image', 'proa/base', false],
      ['image', 'made', false],
    ],
  );
  assert.equal((await engine.call('DELETE', '/images/made')).status, 409);
  await engine.ask('POST', '/images/prune?filters={"dangling":["false"]}');
  await engine.ask('GET', `/images/${made}/json`);
  await engine.restart();
  await engine.ask('POST', `/containers/${id}/start`);
  assert.equal((await engine.ask<{ StatusCode: number }>('POST', `/containers/${id}/wait`)).StatusCode, 1);
  const create = (Mounts: object[]) =>
    engine.call('POST', '/containers/create', { Image: 'proa/base', HostConfig: { NetworkMode: 'none', Mounts } });
  assert.equal((await create([mount('none', '/x')])).status, 404);
  assert.equal((await create([mount('', '/x')])).status, 400);
  const part = await create([{ ...mount('made', '/x'), ImageOptions: { Subpath: 'a/../../made' } }]);
  assert.equal(part.status, 400);
  assert.match(part.text, /HostConfig\.Mounts\[0\]\.ImageOptions\.Subpath: expected a relative path without \.\./);
});

test('a part of an image is mounted, as all its layers and links in it have it', async () => {
  await using engine = await EngineProcess.start();
  const script = 'mkdir -p /a/d /b/hidden; echo 1 > /a/d/low; echo 1 > /a/d/both; echo 1 > /b/hidden/x; ln -s /a /link';
  const first = await engine.runContainer(['sh', '-c', script]);
  await engine.ask('POST', `/containers/${first}/wait`);
  await engine.ask('POST', `/commit?container=${first}&repo=one`);
  const more =
    'echo 2 > /a/d/both; echo 2 > /a/d/new; rm -r /b/hidden; mkdir /b/hidden; echo 2 > /b/hidden/y; ln -s ../../link/d /b/up';
  const second = await engine.runContainer(['sh', '-c', more], { Image: 'one' });
  await engine.ask('POST', `/containers/${second}/wait`);
  await engine.ask('POST', `/commit?container=${second}&repo=two`);
  const mounted = (Subpath: string) => ({
    NetworkMode: 'none',
    Mounts: [{ Type: 'image', Source: 'two', Target: '/mnt', ImageOptions: { Subpath } }],
  });
  const seen: [subpath: string, script: string, output: string][] = [
    [
      'a/d',
      'cd /mnt; for f in *; do echo $f $(cat $f); done; touch x 2>&1',
      'both 2\nlow 1\nnew 2\ntouch: x: Read-only file system\n',
    ],
    ['b/hidden', 'ls /mnt', 'y\n'],
    ['b/up/', 'ls /mnt', 'both\nlow\nnew\n'],
    ['a/d/both', 'cat /mnt', '2\n'],
    ['./link/d/low', 'cat /mnt', '1\n'],
    ['', 'ls -d /mnt/bin', '/mnt/bin\n'],
  ];
  for (const [subpath, script, output] of seen) {
    const id = await engine.runContainer(['sh', '-c', script], { host: mounted(subpath) });
    await engine.ask('POST', `/containers/${id}/wait`);
    const { text } = await engine.call('GET', `/containers/${id}/logs?stdout=1`);
    assert.equal(text.replace(/[\u0001\u0002]\0{3}\0{3}[\s\S]/g, ''), output, subpath);
  }
  const missing = engine.runContainer(['true'], { host: mounted('a/none') });
  await assert.rejects(missing, /400: .*a\/none\\" of image \\"two\\" at \/mnt.*Could not find the file \/a\/none/);
});

test('the layer of a container that goes with its end is written to no disk for its sake, and others are', async () => {
  await using engine = await EngineProcess.start();
  /** The kernel says it in one of two ways: Documentation/filesystems/overlayfs.rst, "Volatile mount". */
  const isVolatile = async (id: string) => {
    const { Pid } = (await engine.inspect(id)).State;
    const root = readFileSync(`/proc/${Pid}/mountinfo`, 'utf8')
      .split('\n')
      .find((line) => line.split(' ')[4] === '/');
    assert.match(root ?? '', / - overlay /);
    return /[,=]volatile(,|$)/.test(root ?? '');
  };
  const sleeper = ['sh', '-c', 'echo line >> /own; exec sleep 100000'];
  const kept = await engine.runContainer(sleeper);
  assert.equal(await isVolatile(kept), false);
  const passing = await engine.runContainer(sleeper, { host: { AutoRemove: true } });
  assert.equal(await isVolatile(passing), true);
  // What it has written is there as long as it is, through starts and after the engine's death.
  await engine.ask('POST', `/containers/${passing}/restart?t=0`);
  await engine.restart();
  assert.equal(await isVolatile(passing), true);
  const { text } = await engine.call('GET', `/containers/${passing}/archive?path=/own`);
  assert.match(text, /line\nline\n/);
  await engine.ask('DELETE', `/containers/${passing}?force=1`);
});
