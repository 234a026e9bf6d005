// An engine whose data is where no overlay can be: containers run on copies of their images, and nobody sees a difference.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';
import { tarOf } from './support/images.ts';
import { mountOverlay } from './support/overlay.ts';

/** A directory on an overlay, which cannot be the upper directory of another; `lower` shows in it. */
class OnOverlay implements Disposable {
  readonly place = mkdtempSync(join(tmpdir(), 'proa-test-copies-'));
  readonly path = join(this.place, 'merged');

  constructor(lower = join(this.place, 'lower')) {
    for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(this.place, name));
    mountOverlay(`lowerdir=${lower},upperdir=${this.place}/upper,workdir=${this.place}/work`, this.path);
  }

  /** Below it: whose state it is removes it, and cannot remove what is mounted. */
  get state(): string {
    return join(this.path, 'state');
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.path]);
    rmSync(this.place, { recursive: true });
  }
}

interface Change {
  Path: string;
  Kind: number;
}

async function ended(engine: EngineProcess, id: string): Promise<string> {
  await until(async () => !(await engine.inspect(id)).State.Running);
  return (await engine.call('GET', `/containers/${id}/logs?stdout=1&stderr=1`)).bytes
    .toString('latin1')
    .replace(/[\x01\x02]\0{3}[\s\S]{4}/g, '');
}

async function says(engine: EngineProcess, script: string, options: Record<string, unknown> = {}): Promise<string> {
  return await ended(engine, await engine.runContainer(['sh', '-c', script], options));
}

test('a container on a copy is written to, seen, copied, committed, restarted and removed', async () => {
  using place = new OnOverlay();
  mkdirSync(place.state);
  await using engine = await EngineProcess.start(place);
  const info = await engine.ask<{ Driver: string; DriverStatus: string[][] }>('GET', '/info');
  assert.equal(info.Driver, 'vfs');
  assert.match(info.DriverStatus[0]?.[1] ?? '', /^fsconfig\(2\)/);
  assert.match(engine.errors, /no overlay can be in .*, so each container copies its image: fsconfig\(2\)/);

  const id = await engine.runContainer(
    ['sh', '-c', 'echo one > /tmp/word; rm /etc/group; mkdir -p /srv/deep; exec sleep 1000'],
    { name: 'kept', host: { NetworkMode: 'none', Binds: ['filled:/etc/copied', 'up:/bin'] } },
  );
  await until(() => existsSync(join(place.state, 'copies', id, 'files/srv/deep')));
  assert.deepEqual((await engine.inspect(id))['GraphDriver'], { Name: 'vfs', Data: null });
  // The volume has what the image has at its place.
  assert.ok(readdirSync(join(place.state, 'volumes/up/_data')).includes('busybox'));
  const archive = tarOf('echo two > put', 'put');
  await engine.ask('PUT', `/containers/${id}/archive?path=/tmp`, archive);

  await engine.restart();
  assert.equal((await engine.inspect('kept')).State.Status, 'running');
  const changes = await engine.ask<Change[]>('GET', `/containers/${id}/changes`);
  const kinds = changes.map(({ Kind, Path }) => `${'CAD'[Kind]} ${Path}`);
  const expected = 'C /etc,A /etc/copied,D /etc/group,A /srv,A /srv/deep,C /tmp,A /tmp/put,A /tmp/word';
  assert.equal(kinds.join(), expected);
  const sized = await engine.ask<{ SizeRw: number; SizeRootFs: number }>('GET', `/containers/${id}/json?size=1`);
  assert.equal(sized.SizeRw, 'one\ntwo\n'.length);
  assert.ok(sized.SizeRootFs > 1_000_000);

  await engine.ask('POST', `/commit?container=${id}&repo=made`);
  assert.equal(
    await says(engine, 'cat /tmp/put /tmp/word; ls /etc/group 2>/dev/null || echo gone', { Image: 'made' }),
    'two\none\ngone\n',
  );
  const readOnly = {
    NetworkMode: 'none',
    ReadonlyRootfs: true,
    Mounts: [{ Type: 'image', Source: 'made', Target: '/mnt' }],
  };
  const script = 'cat /mnt/tmp/word; ls /mnt/etc/group 2>/dev/null || echo gone; touch /x /mnt/x 2>&1';
  const told = 'one\ngone\ntouch: /x: Read-only file system\ntouch: /mnt/x: Read-only file system\n';
  assert.equal(await says(engine, script, { host: readOnly }), told);

  await engine.ask('POST', `/containers/${id}/stop?t=0`);
  const { bytes } = await engine.call('GET', `/containers/${id}/archive?path=/tmp/word`);
  assert.equal(execFileSync('tar', ['-xO'], { input: bytes, encoding: 'utf8' }), 'one\n');
  await engine.ask('PUT', `/containers/${id}/archive?path=/tmp`, tarOf('echo 3 > third', 'third'));
  const exported = await engine.call('GET', `/containers/${id}/export`);
  const names = execFileSync('tar', ['-t'], { input: exported.bytes, encoding: 'utf8', maxBuffer: 1 << 28 }).split(
    '\n',
  );
  assert.ok(names.includes('tmp/third'));
  await engine.restart();
  await engine.ask('POST', `/containers/${id}/start`);
  const { Id: exec } = await engine.ask<{ Id: string }>('POST', `/containers/${id}/exec`, {
    Cmd: ['cat', '/tmp/word', '/tmp/third'],
    AttachStdout: true,
  });
  const output = await engine.call('POST', `/exec/${exec}/start`, { Detach: false });
  assert.match(output.text, /one\n[\s\S]*3\n/);

  await engine.ask('DELETE', `/containers/${id}?force=1`);
  await engine.ask('POST', '/containers/prune');
  assert.deepEqual(readdirSync(join(place.state, 'copies')), []);
  assert.deepEqual(readdirSync(join(place.state, 'snapshots')), []);
});

test('containers of an engine that had overlays keep what they wrote where there can be none', async () => {
  const before = mkdtempSync(join(tmpdir(), 'proa-test-copies-'));
  const parent = join(before, 'parent');
  mkdirSync(parent);
  await using first = await EngineProcess.start({ state: join(parent, 'state') });
  const id = await first.runContainer(['sh', '-c', 'test -e /tmp/word || echo one > /tmp/word; cat /tmp/*'], {
    name: 'kept',
  });
  assert.equal(await ended(first, id), 'one\n');
  assert.equal((await first.ask<{ Driver: string }>('GET', '/info')).Driver, 'overlay2');
  await first.kill('SIGTERM');
  for (const pid of first.agents()) process.kill(pid, 'SIGTERM');
  await until(() => first.agents().length === 0);
  try {
    using place = new OnOverlay(parent);
    await using engine = await EngineProcess.start(place);
    await engine.ask('PUT', '/containers/kept/archive?path=/tmp', tarOf('echo two > x', 'x'));
    await engine.ask('POST', '/containers/kept/start');
    assert.equal(await ended(engine, 'kept'), 'one\none\ntwo\n');
    const changes = await engine.ask<Change[]>('GET', '/containers/kept/changes');
    assert.deepEqual(changes, [
      { Path: '/tmp', Kind: 0 },
      { Path: '/tmp/word', Kind: 1 },
      { Path: '/tmp/x', Kind: 1 },
    ]);
    assert.deepEqual(readdirSync(join(place.state, 'snapshots')), []);
  } finally {
    // Nothing of the first is to be asked for any more but that it goes.
    await first.start();
  }
});
