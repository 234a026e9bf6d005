// proa-files: archives put into containers that do not run, and directories copied to volumes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { archive, header } from '#common/tar/test-support/archive.ts';
import { answer, failure, mountTable, program, stopped } from './support/files.ts';
import { listTree, makeTree, shell } from './support/unpack.ts';

const put = { path: '/srv', noOverwriteDirNonDir: false, copyUIDGID: true };
const file = (name: string, data = 'x') => [header({ name, size: data.length, uid: 5, gid: 6 }), data];

test('an archive comes out as GNU tar makes it', () => {
  using place = stopped(`${makeTree} cd ..; mkdir lower/srv theirs
    setfattr -n user.a -v 0x00ff tree/plain/file; setcap cap_chown+ep tree/plain/large; touch tree/.wh.x
    tar -C tree --format=pax --xattrs --xattrs-include='*' -cf x.tar .
    tar -C theirs --numeric-owner --xattrs --xattrs-include='*' --warning=none -xpf x.tar`);
  const before = mountTable();
  const tar = readFileSync(join(place.path, 'x.tar'));
  const result = answer('put', { root: place.root, ...put }, tar) as { entries: number; refused: number };
  assert.equal(result.refused, 0);
  assert.equal(mountTable(), before);
  assert.deepEqual(readdirSync(join(place.path, 'lower/srv')), []);
  // The directory itself stays as it was, as with Docker.
  const below = (path: string) => listTree(join(place.path, path)).filter((line) => !line.startsWith('. '));
  const theirs = below('theirs');
  assert.deepEqual(below('upper/srv'), theirs);
  assert.ok(theirs.some((line) => line.startsWith('.wh.x file')));
});

test('without copyUIDGID all is root’s', () => {
  using place = stopped('mkdir lower/srv');
  const layer = archive(
    ...file('a'),
    header({ name: 'd/', type: '5', uid: 5 }),
    header({ name: 'l', type: '2', link: 'x', uid: 5 }),
  );
  answer('put', { root: place.root, ...put, copyUIDGID: false }, layer);
  assert.equal(shell('stat -c "%n %u:%g" *', join(place.path, 'upper/srv')), 'a 0:0\nd 0:0\nl 0:0\n');
  answer('put', { root: place.root, ...put }, layer);
  assert.equal(shell('stat -c "%n %u:%g" *', join(place.path, 'upper/srv')), 'a 5:6\nd 5:0\nl 5:0\n');
});

test('links lead where they lead in the container', () => {
  using place = stopped('mkdir -p lower/srv lower/data volume; ln -s /data lower/srv/abs; ln -s srv lower/link', [
    { source: 'volume', destination: '/data', readOnly: false },
  ]);
  answer('put', { root: place.root, ...put, path: '/link/.' }, archive(...file('abs/a'), ...file('b')));
  assert.equal(shell('cat volume/a upper/srv/b', place.path), 'xx');
  assert.equal(shell('ls lower/srv upper/srv', place.path), 'lower/srv:\nabs\n\nupper/srv:\nb\n');
});

test('where nothing can be put, that is said before anything is read', () => {
  using place = stopped('mkdir -p lower/ro; touch lower/file; mkdir volume', [
    { source: 'volume', destination: '/ro', readOnly: true },
  ]);
  const { root } = place;
  const told = (path: string) => failure('put', { root, ...put, path }, archive());
  assert.deepEqual(told('/none'), { message: 'Could not find the file /none in container', kind: 'not-found' });
  assert.deepEqual(told('/file'), { message: '"/file" is not a directory', kind: 'invalid' });
  assert.deepEqual(told('/ro'), { message: '"/ro" is read-only in the container', kind: 'denied' });
  const { lower } = root.overlay;
  assert.match(failure('put', { root: { ...root, overlay: { lower } }, ...put }).message, /overlay\.upper: missing/);
});

test('with noOverwriteDirNonDir neither a directory nor anything else takes the place of the other', () => {
  using place = stopped('mkdir -p lower/srv/dir; touch lower/srv/dir/kept lower/srv/file; ln -s dir lower/srv/link');
  const tries: [Uint8Array, RegExp][] = [
    [archive(...file('dir')), /"dir": Cannot overwrite a directory with a non-directory/],
    [archive(header({ name: 'dir', type: '2', link: 'x' })), /Cannot overwrite a directory with a non-directory/],
    [archive(...file('new'), header({ name: 'dir', type: '1', link: 'new' })), /Cannot overwrite a directory/],
    [archive(header({ name: 'file/', type: '5' })), /"file\/": Cannot overwrite a non-directory with a directory/],
    [archive(header({ name: 'link/', type: '5' })), /Cannot overwrite a non-directory with a directory/],
  ];
  for (const [layer, message] of tries) {
    const told = failure('put', { root: place.root, ...put, noOverwriteDirNonDir: true }, layer);
    assert.match(told.message, message);
    assert.equal(told.kind, 'invalid');
  }
  assert.equal(place.merged('ls merged/srv/dir; test -f merged/srv/file -a -L merged/srv/link'), 'kept\n');
  for (const [layer] of tries) answer('put', { root: place.root, ...put }, layer);
  assert.equal(place.merged('stat -c "%n %F" merged/srv/*').replaceAll('merged/srv/', ''), outcome);
});

const outcome = 'dir regular file\nfile directory\nlink directory\nnew regular file\n';

/** Of user 7, rwx: <linux/posix_acl_xattr.h>. */
const acl = '0x0200000001000600ffffffff020007000700000004000400ffffffff10000700ffffffff20000400ffffffff';

test('a directory is copied to an empty volume with all that it has', () => {
  using place = stopped(`${makeTree} cd ..; mv tree lower/; mkdir -p upper/tree/added volume theirs
    setfattr -n user.a -v 0x00ff lower/tree/plain/file; setfattr -n system.posix_acl_access -v ${acl} lower/tree/plain/large
    chown 7:8 upper/tree; chmod 2711 upper/tree; ln -s tree lower/link`);
  place.merged('cp -a merged/tree/. theirs/');
  const target = join(place.path, 'volume');
  const before = mountTable();
  assert.deepEqual(answer('copy-up', { root: place.root, path: '/link', target }), { copied: true });
  const theirs = listTree(join(place.path, 'theirs'));
  assert.deepEqual(listTree(target), theirs);
  assert.ok(theirs.some((line) => line.startsWith('plain/large ') && line.includes('posix_acl_access')));
  assert.deepEqual(answer('copy-up', { root: place.root, path: '/tree/plain', target }), { copied: false });
  assert.deepEqual(listTree(target), theirs);
  assert.equal(mountTable(), before);
});

test('what is no directory is not copied, and the volume stays as it is', () => {
  using place = stopped('touch lower/file; mkdir -m 700 volume; touch -d @5 volume');
  const target = join(place.path, 'volume');
  for (const path of ['/none', '/file', '/file/x'])
    assert.deepEqual(answer('copy-up', { root: place.root, path, target }), { copied: false });
  assert.equal(shell('stat -c "%a %Y" volume', place.path), '700 5\n');
  assert.match(failure('copy-up', { root: place.root, path: '/', target: `${target}/none` }).message, /volume\/none/);
});

test('a copy that fails or is ended leaves an empty volume', async () => {
  using place = stopped('mkdir -p lower/d/e volume; echo x > lower/d/e/small; head -c 9000000 /dev/zero > lower/d/f');
  const target = join(place.path, 'volume');
  const request = { root: place.root, path: '/d', target };
  shell('mount -t tmpfs -o size=4m tmpfs volume', place.path);
  try {
    assert.equal(failure('copy-up', request).kind, 'exhausted');
    assert.deepEqual(readdirSync(target), []);
  } finally {
    shell('umount volume', place.path);
  }
  shell('truncate -s 60G lower/d/f', place.path);
  const child = spawn(program, ['copy-up', JSON.stringify(request)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  for (let tries = 0; tries < 200 && !readdirSync(target).includes('f'); tries++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'close'), [1, null]);
  assert.match(JSON.parse(stderr).message, /Ended by a signal/);
  assert.deepEqual(readdirSync(target), []);
});

test('a program that is killed leaves no mount, and the layers can be mounted again', async () => {
  using place = stopped('mkdir lower/srv');
  const before = mountTable();
  const child = spawn(program, ['put', JSON.stringify({ root: place.root, ...put })], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  child.stdin.on('error', () => {});
  child.stdin.write(archive(...file('first'), header({ name: 'second', size: 1 << 20 })).subarray(0, 2048));
  for (let tries = 0; tries < 200; tries++) {
    if (shell('ls upper/srv 2>/dev/null || true', place.path).includes('second')) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(mountTable(), before);
  child.kill('SIGKILL');
  await once(child, 'close');
  assert.equal(mountTable(), before);
  assert.equal(place.merged('cat merged/srv/first'), 'x');
});
