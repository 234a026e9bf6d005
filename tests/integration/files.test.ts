// proa-files: looking at files, and archives of them, in containers that run and that do not.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { archive, header } from '#common/tar/test-support/archive.ts';
import { container } from './support/container.ts';
import { answer, failure, files, mountTable, running, stopped, succeeded } from './support/files.ts';
import { directory, listTree, makeTree, shell } from './support/unpack.ts';

const layers = `
mkdir -p lower/etc lower/data lower/gone; echo low > lower/etc/passwd; echo x > lower/gone/file
mkdir upper/etc; echo up > upper/etc/group; mknod upper/gone c 0 0
ln -s /etc/group upper/etc/link; ln -s ../data lower/etc/dir; ln -s nowhere lower/dangling
mkdir volume; echo v > volume/file; touch -d '2001-02-03T04:05:06.123456789Z' volume/file; chmod 4750 volume/file
`;
const volume = { source: 'volume', destination: '/data', readOnly: true };

test('texts of regular files are read from layers and mounts, and nothing of other things', () => {
  using place = stopped(
    `${layers} mkfifo lower/pipe; mknod lower/null c 1 3; head -c 1048577 /dev/zero > lower/large`,
    [volume],
  );
  const before = mountTable();
  const paths = [
    '/etc/passwd',
    '/etc/link',
    '/etc/dir/file',
    '/gone/file',
    '/etc',
    '/pipe',
    '/null',
    '/none',
    '/dangling',
  ];
  assert.deepEqual(answer('read', { root: place.root, paths }), {
    '/etc/passwd': 'low\n',
    '/etc/link': 'up\n',
    '/etc/dir/file': 'v\n',
    ...Object.fromEntries(paths.slice(3).map((path) => [path, null])),
  });
  assert.match(failure('read', { root: place.root, paths: ['/large'] }).message, /"\/large" has 1048577 bytes/);
  assert.equal(mountTable(), before);
});

test('a layer alone is a root, and one that nothing was made in stays so', () => {
  using place = stopped(`${layers} ls -lR lower > listing`, [{ ...volume, destination: '/new/place' }]);
  const { lower } = place.root.overlay;
  const root = { ...place.root, overlay: { lower } };
  assert.deepEqual(answer('read', { root, paths: ['/etc/passwd', '/gone/file', '/new/place/file'] }), {
    '/etc/passwd': 'low\n',
    '/gone/file': 'x\n',
    '/new/place/file': 'v\n',
  });
  shell('ls -lR lower | diff - listing', place.path);
});

test('a path is told as Docker tells it', () => {
  using place = stopped(layers, [volume]);
  const { root } = place;
  const mtime = '2001-02-03T04:05:06.123456789Z';
  const file = { size: 2, mode: 0o104750, mtime, linkTarget: '' };
  assert.deepEqual(answer('stat', { root, path: '/data/file' }), { name: 'file', ...file });
  assert.deepEqual(answer('stat', { root, path: '//etc/./dir/../dir/file' }), { name: 'file', ...file });
  const names: [string, string, string][] = [
    ['/etc/dir', 'dir', '/data'],
    ['/etc/link', 'link', '/etc/group'],
    ['/dangling', 'dangling', '/nowhere'],
    ['/etc/dir/', 'dir', ''],
    ['/etc/dir/.', '.', ''],
    ['/', '/', ''],
  ];
  for (const [path, name, linkTarget] of names) {
    const status = answer('stat', { root, path }) as { name: string; linkTarget: string };
    assert.deepEqual([status.name, status.linkTarget], [name, linkTarget], path);
  }
  for (const path of ['/none', '/etc/passwd/x', '/none/x', '/dangling/', '/gone']) {
    const { message, kind } = failure('stat', { root, path });
    assert.equal(kind, 'not-found', path);
    assert.equal(message, `Could not find the file ${path.replace(/\/$/, '')} in container`);
  }
  assert.deepEqual(failure('stat', { root, path: '/etc/passwd/' }), {
    message: '"/etc/passwd" is not a directory',
    kind: 'invalid',
  });
});

test('an archive has all that the merged layers have', () => {
  using place = stopped(`${makeTree} cd ..; mv tree lower/; mkdir -p upper/tree; mknod upper/tree/holes c 0 0
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("lower/tree/socket")'
    setfattr -n user.a -v 0x00ff lower/tree/plain/file; touch lower/tree/.wh.x; mkdir theirs ours`);
  place.merged('cp -a merged/tree theirs/; rm theirs/tree/socket; touch -r merged/tree theirs/tree');
  const tar = succeeded(files('get', { root: place.root, path: '/tree' }));
  writeFileSync(join(place.path, 'ours.tar'), tar);
  shell("tar -C ours --numeric-owner --xattrs --xattrs-include='*' --warning=none -xpf ours.tar", place.path);
  const [ours, theirs] = ['ours', 'theirs'].map((name) => listTree(join(place.path, name, 'tree')));
  assert.deepEqual(ours, theirs);
  assert.ok(theirs?.some((line) => line.startsWith('.wh.x ')) && !theirs.some((line) => line.startsWith('holes ')));
});

test('names in an archive begin with the end of the path', () => {
  using place = stopped('mkdir -p lower/a/b; touch lower/a/b/f; ln lower/a/b/f lower/a/b/g; ln -s b lower/a/l');
  const names = (path: string) => {
    writeFileSync(join(place.path, 'x.tar'), succeeded(files('get', { root: place.root, path })));
    return shell('tar -Ptvf x.tar | sed -E "s/^(.).*[0-9]+:[0-9]+ /\\1 /"', place.path).trim().split('\n');
  };
  assert.deepEqual(names('/a/b'), ['d b/', '- b/f', 'h b/g link to b/f']);
  assert.deepEqual(names('/a/b/'), ['d b/', '- b/f', 'h b/g link to b/f']);
  assert.deepEqual(names('/a/b/.'), ['d ./', '- ./f', 'h ./g link to ./f']);
  assert.deepEqual(names('/a/l'), ['l l -> b']);
  assert.deepEqual(names('/a/l/'), ['d l/', '- l/f', 'h l/g link to l/f']);
  assert.deepEqual(names('/a/b/f'), ['- f']);
  assert.deepEqual(names('/').slice(0, 3), ['d /', 'd /a/', 'd /a/b/']);
  assert.equal(failure('get', { root: place.root, path: '/none' }).kind, 'not-found');
});

test('a running container is seen with its own mounts, and a process that is another one is not', () => {
  using scratch = directory();
  mkdirSync(join(scratch.path, 'data'));
  writeFileSync(join(scratch.path, 'data/file'), 'bound');
  using box = container({
    args: ['sh', '-c', 'echo inside > /tmp/own; mkfifo /tmp/pipe; exec sleep 100'],
    config(config) {
      config.mounts?.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
      config.mounts?.push({
        destination: '/run',
        type: 'bind',
        source: join(scratch.path, 'data'),
        options: ['rbind'],
      });
    },
  });
  const before = mountTable();
  const root = running(box.pid);
  for (let tries = 0; tries < 100 && files('stat', { root, path: '/tmp/pipe' }).status !== 0; tries++)
    shell('sleep 0.05', '/');
  assert.deepEqual(answer('read', { root, paths: ['/tmp/own', '/run/file', '/tmp/pipe', '/etc/hostname'] }), {
    '/tmp/own': 'inside\n',
    '/run/file': 'bound',
    '/tmp/pipe': null,
    '/etc/hostname': null,
  });
  writeFileSync(join(scratch.path, 'x.tar'), succeeded(files('get', { root, path: '/tmp/.' })));
  assert.equal(shell('tar tf x.tar', scratch.path), './\n./own\n./pipe\n');
  shell('mkdir in; echo new > in/put; tar -C in -cf in.tar put', scratch.path);
  const request = { root, path: '/tmp', noOverwriteDirNonDir: true, copyUIDGID: false };
  answer('put', request, readFileSync(join(scratch.path, 'in.tar')));
  assert.deepEqual(answer('read', { root, paths: ['/tmp/put'] }), { '/tmp/put': 'new\n' });
  assert.equal(failure('put', { ...request, path: '/etc' }, readFileSync(join(scratch.path, 'in.tar'))).kind, 'denied');
  const { message, kind } = failure('stat', { root: { ...root, startTime: root.startTime - 1 }, path: '/' });
  assert.deepEqual({ message, kind }, { message: `Process ${box.pid} of the container has ended`, kind: 'conflict' });
  assert.equal(mountTable(), before);
});

test('what is mounted in a running container stays mounted, and what it holds stays too', () => {
  using scratch = directory();
  shell(
    'mkdir -p data/kept dir in/conf; echo old > conf; echo precious > data/kept/file; echo new > in/file',
    scratch.path,
  );
  const bind = (source: string, destination: string) => ({
    destination,
    type: 'bind',
    source: join(scratch.path, source),
    options: ['rbind'],
  });
  using box = container({
    args: ['sh', '-c', 'mkdir /tmp/dir /tmp/dir/in; touch /tmp/dir/in/x /tmp/ready; exec sleep 100'],
    config(config) {
      config.mounts?.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
      config.mounts?.push(bind('conf', '/tmp/conf'), bind('data', '/tmp/above/data'));
    },
  });
  const root = running(box.pid);
  for (let tries = 0; tries < 100 && files('stat', { root, path: '/tmp/ready' }).status !== 0; tries++)
    shell('sleep 0.05', '/');
  const mounts = () => readFileSync(`/proc/${box.pid}/mountinfo`, 'utf8');
  const before = mounts();
  const request = { root, path: '/tmp', noOverwriteDirNonDir: false, copyUIDGID: false };
  const file = (name: string) => archive(header({ name, size: 3 }), 'new');
  for (const layer of [
    file('conf'),
    archive(header({ name: 'conf', type: '2', link: 'x' })),
    archive(header({ name: 'ready', type: '0' }), header({ name: 'conf', type: '1', link: 'ready' })),
    file('above/data'),
    file('above'),
  ])
    assert.match(failure('put', request, layer).message, /EBUSY/);
  assert.equal(mounts(), before);
  assert.equal(shell('cat conf data/kept/file', scratch.path), 'old\nprecious\n');
  answer('put', request, file('above/data/kept/file'));
  answer('put', request, file('dir'));
  assert.equal(shell('cat data/kept/file', scratch.path), 'new');
});
