import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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
