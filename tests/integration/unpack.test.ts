// proa-unpack against archives of GNU tar, bsdtar and Python, compared with what GNU tar as root makes of them.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { archive, header, paxRecord } from '#common/tar/test-support/archive.ts';
import { directory, listTree, makeTree, program, run, shell, unpack, unpackInto } from './support/unpack.ts';

const attributes = `
cd tree
setfattr -n user.text -v value plain/file; setfattr -n user.bytes -v 0x00ff0a3d plain; setfattr -n trusted.t -v x plain/link 2>/dev/null || true
setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 plain/large
setfattr -n user.empty plain/nothing; setfattr -h -n trusted.on-link -v y plain/link
touch -h -d '2002-01-01 00:00:00.5' plain/link; touch -d '2001-02-03 04:05:06.123456789' plain/file
`;

const python = (format: string) =>
  `python3 -c 'import tarfile,sys; t=tarfile.open(fileobj=sys.stdout.buffer,mode="w|",format=tarfile.${format}); t.add("tree","."); t.close()'`;

const writers: Record<string, { command: string; reader?: 'bsdtar' }> = {
  'GNU tar, gnu': { command: 'tar -C tree --format=gnu -cf - .' },
  'GNU tar, old sparse': { command: 'tar -C tree --format=gnu -S -cf - .' },
  'GNU tar, pax with attributes': { command: "tar -C tree --format=pax --xattrs --xattrs-include='*' -cf - ." },
  ...Object.fromEntries(
    ['0.0', '0.1', '1.0'].map((version) => [
      `GNU tar, sparse ${version}`,
      { command: `tar -C tree --format=pax -S --sparse-version=${version} -cf - .` },
    ]),
  ),
  'GNU tar, ustar': {
    command: 'tar -C tree --format=ustar -cf - --no-recursion . plain plain/file plain/b511 plain/link hard1 pipe',
  },
  'GNU tar, v7': {
    command: 'tar -C tree --format=v7 -cf - --no-recursion . plain plain/file plain/b511 plain/link hard1',
  },
  'bsdtar, pax': { command: 'bsdtar -C tree --format=pax -cf - .', reader: 'bsdtar' },
  'bsdtar, gnutar': { command: 'bsdtar -C tree --format=gnutar -cf - .', reader: 'bsdtar' },
  'bsdtar, ustar': {
    command: 'bsdtar -C tree --format=ustar -cf - -n . plain plain/file plain/b511 plain/link hard1 pipe',
    reader: 'bsdtar',
  },
  'Python, pax': { command: python('PAX_FORMAT') },
  'Python, gnu': { command: python('GNU_FORMAT') },
};

// bsdtar puts hard links where GNU tar forgets the times of directories.
const readers = {
  tar: "tar -C theirs --numeric-owner --xattrs --xattrs-include='*' --warning=none -xpf layer.tar",
  bsdtar: 'bsdtar -C theirs --numeric-owner -xpf layer.tar',
};

test('archives of all writers come out as tar makes them', async (t) => {
  using work = directory();
  shell(makeTree, work.path);
  shell(attributes, work.path);
  for (const [name, { command, reader = 'tar' }] of Object.entries(writers)) {
    await t.test(name, () => {
      const tar = join(work.path, 'layer.tar');
      for (const target of ['theirs', 'ours']) rmSync(join(work.path, target), { recursive: true, force: true });
      for (const target of ['theirs', 'ours']) mkdirSync(join(work.path, target));
      shell(`${command} 2> writer.log > layer.tar || { cat writer.log >&2; false; }`, work.path);
      shell(readers[reader], work.path);
      const result = unpackInto(join(work.path, 'ours'), readFileSync(tar));
      assert.equal(result.status, 0, result.stderr);
      assert.equal(JSON.parse(result.stdout).refused, 0);
      // bsdtar leaves the directory that it unpacks into as it is.
      const [ours, theirs] = ['ours', 'theirs'].map((target) => listTree(join(work.path, target)));
      if (reader === 'bsdtar') for (const lines of [ours, theirs]) lines?.shift();
      assert.deepEqual(ours, theirs);
    });
  }
});

test('an archive of Go comes out as GNU tar makes it', { skip: !program('go') }, () => {
  using work = directory();
  shell(makeTree, work.path);
  writeFileSync(join(work.path, 'write.go'), goWriter);
  shell('GOCACHE=$PWD/cache GO111MODULE=off go run write.go tree > layer.tar && mkdir theirs ours', work.path);
  shell('tar -C theirs --numeric-owner --warning=none -xpf layer.tar', work.path);
  const result = unpackInto(join(work.path, 'ours'), readFileSync(join(work.path, 'layer.tar')));
  assert.equal(result.status, 0, result.stderr);
  assert.deepEqual(listTree(join(work.path, 'ours')), listTree(join(work.path, 'theirs')));
});

const goWriter = `package main
import ("archive/tar"; "io"; "os"; "path/filepath")
func main() {
  w := tar.NewWriter(os.Stdout)
  filepath.Walk(os.Args[1], func(p string, i os.FileInfo, err error) error {
    if i.Mode()&os.ModeSocket != 0 { return nil }
    link := ""
    if i.Mode()&os.ModeSymlink != 0 { link, _ = os.Readlink(p) }
    h, err := tar.FileInfoHeader(i, link)
    if err != nil { panic(err) }
    h.Name, _ = filepath.Rel(os.Args[1], p)
    h.Format = tar.FormatPAX
    if i.IsDir() { h.Name += "/" }
    if err := w.WriteHeader(h); err != nil {
      h.Format = tar.FormatGNU
      if err := w.WriteHeader(h); err != nil { panic(err) }
    }
    if i.Mode().IsRegular() { f, _ := os.Open(p); io.Copy(w, f); f.Close() }
    return nil
  })
  w.Close()
}
`;

test('whiteouts become what overlayfs takes for them', () => {
  const layer = archive(
    header({ name: 'a/', type: '5', mode: 0o755 }),
    header({ name: 'a/.wh.gone' }),
    header({ name: 'b/.wh..wh..opq' }),
    header({ name: 'b/new', size: 1 }),
    'x',
    header({ name: '.wh.c' }),
    header({ name: 'c/', type: '5', mode: 0o700 }),
    header({ name: '.wh.d' }),
    header({ name: 'd/file', size: 1 }),
    'y',
    header({ name: '.wh..wh.plnk/', type: '5' }),
    header({ name: 'e', size: 1 }),
    'z',
    header({ name: '.wh.e' }),
  );
  using target = unpack(layer);
  assert.equal(target.status, 0, target.stderr);
  assert.deepEqual(
    listTree(target.path)
      .map((line) => line.split(' ').slice(0, 3).join(' '))
      .filter((line) => !line.startsWith('. ')),
    [
      'a directory 755',
      'a/gone character 0',
      'b directory 755',
      'b/new file 644',
      'c directory 700',
      'd directory 755',
      'd/file file 644',
      'e file 644',
    ],
  );
  for (const name of ['b', 'c', 'd'])
    assert.equal(shell(`getfattr --only-values -n trusted.overlay.opaque ${name}`, target.path), 'y', name);
});

test('whiteouts of an applied layer delete what earlier layers put there, and nothing of their own', () => {
  using target = directory();
  shell('mkdir -p a/keep b/old/deep c d; touch a/gone a/stay b/old/deep/file b/other c/x; ln -s b link', target.path);
  const layer = archive(
    header({ name: 'a/.wh.gone' }),
    header({ name: 'b/old/mine', size: 1 }),
    'x',
    header({ name: 'b/.wh..wh..opq' }),
    header({ name: 'c', size: 1 }),
    'y',
    header({ name: '.wh.d' }),
    header({ name: '.wh.missing' }),
    header({ name: 'link/through', size: 1 }),
    'z',
  );
  const result = run(['--root', target.path, '--whiteouts', 'apply'], layer);
  assert.equal(result.status, 0, result.stderr);
  assert.equal(
    shell('find . | sort', target.path),
    '.\n./a\n./a/keep\n./a/stay\n./b\n./b/old\n./b/old/mine\n./b/through\n./c\n./link\n',
  );
});

test('an entry below a link goes to where the link leads, inside the root', () => {
  const layer = archive(
    header({ name: 'lib', type: '2', link: 'usr/lib' }),
    header({ name: 'lib/x', size: 1 }),
    'x',
    header({ name: 'abs', type: '2', link: '/usr/lib/sub' }),
    header({ name: 'abs/y', size: 1 }),
    'y',
    header({ name: 'up', type: '2', link: '../../../up-there' }),
    header({ name: 'up/z', size: 1 }),
    'z',
  );
  using target = unpack(layer);
  assert.equal(target.status, 0, target.stderr);
  assert.equal(shell('find . -type f | sort', target.path), './up-there/z\n./usr/lib/sub/y\n./usr/lib/x\n');
});

test('a later entry takes the place of an earlier one of another kind', () => {
  const layer = archive(
    header({ name: 'a', type: '2', link: 'b' }),
    header({ name: 'b', size: 1 }),
    '1',
    header({ name: 'a', size: 1 }),
    '2',
    header({ name: 'c/d/e', size: 1 }),
    '3',
    header({ name: 'c', type: '2', link: 'f' }),
    header({ name: 'f/', type: '5', mode: 0o711 }),
    header({ name: 'f/d/', type: '5', mode: 0o700 }),
    header({ name: 'b/', type: '5', mode: 0o755 }),
  );
  using target = unpack(layer);
  assert.equal(target.status, 0, target.stderr);
  assert.equal(
    shell('find . -printf "%p %y %m %l\n" | sort | tail -n +2', target.path),
    './a f 644 \n./b d 755 \n./c l 777 f\n./f d 711 \n./f/d d 700 \n',
  );
});

test('ids are mapped, file capabilities with them, and ids without a range are refused', () => {
  const capability = '\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0';
  const records = paxRecord('SCHILY.xattr.security.capability', capability);
  const layer = archive(header({ type: 'x', size: records.length }), records, header({ name: 'a', uid: 5, gid: 6 }));
  using target = unpack(layer, '--uid-map', '0:100000:1000', '--gid-map', '0:200000:5,5:300000:5');
  assert.equal(target.status, 0, target.stderr);
  assert.equal(shell('stat -c "%u %g" a', target.path), '100005 300001\n');
  assert.match(
    shell('getfattr -e hex -n security.capability a', target.path),
    /=0x0100000300040000000000000000000000000000a0860100/,
  );
  using refused = unpack(layer, '--uid-map', '0:100000:5');
  assert.match(refused.stderr, /archive entry 1 \\"a\\": uid 5 is in none/);
});

test('a failure leaves nothing in the directory, and says so where that cannot be', () => {
  const cut = archive(header({ name: 'a/b/c', size: 1 }), 'x', header({ name: 'big', size: 1e6 })).subarray(0, 3000);
  using target = unpack(cut);
  assert.equal(target.status, 1);
  assert.deepEqual(readdirSync(target.path), []);
  const failure = JSON.parse(target.stderr);
  assert.match(failure.message, /archive entry 2 "big": the archive is cut off/);
  assert.equal(failure.kind, 'invalid');
  using applied = unpack(cut, '--whiteouts', 'apply');
  assert.match(JSON.parse(applied.stderr).message, /unknown state: archive entry 2 "big"/);
});

test('a directory that is not empty is refused, and left as it is', () => {
  using target = directory();
  writeFileSync(join(target.path, 'mine'), '');
  const result = unpackInto(target.path, archive(header({ name: 'a' })));
  assert.match(JSON.parse(result.stderr).message, /is not empty/);
  assert.deepEqual(readdirSync(target.path), ['mine']);
});

test('SIGTERM ends it, and nothing is left', async () => {
  using target = directory();
  const child = spawn('dist/proa-unpack', ['--root', target.path], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  child.stdin.write(
    archive(header({ name: 'dir/a', size: 1 }), 'x', header({ name: 'b', size: 9e6 })).subarray(0, 2048),
  );
  for (let tries = 0; tries < 200 && !readdirSync(target.path).includes('b'); tries++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(readdirSync(target.path).sort(), ['b', 'dir']);
  child.kill('SIGTERM');
  const [status] = await once(child, 'close');
  assert.equal(status, 1);
  assert.match(JSON.parse(stderr).message, /"b": Ended by a signal/);
  assert.deepEqual(readdirSync(target.path), []);
});

test('what follows the end is read, so that the writer is not cut off', () => {
  using target = directory();
  const tar = join(target.path, '../layer.tar');
  writeFileSync(tar, archive(header({ name: 'a' })));
  const command = `set -o pipefail; { cat ${tar}; head -c 9000000 /dev/urandom; } | dist/proa-unpack --root ${target.path}`;
  shell(command, process.cwd());
});

test('a compressed layer comes out as it was packed, with its digest; another compression than it has is refused', () => {
  const tar = archive(header({ name: 'a', size: 5 }), 'hello', header({ name: 'b' }));
  const digest = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
  const zstd = execFileSync('zstd', ['--quiet', '--stdout'], { input: tar });
  const streams = { none: tar, gzip: gzipSync(tar), zstd };
  for (const [compression, stream] of Object.entries(streams)) {
    using unpacked = unpack(stream, '--compression', compression, '--digest');
    assert.equal(unpacked.stderr, '');
    assert.deepEqual(JSON.parse(unpacked.stdout), { entries: 2, bytes: 5, refused: 0, digest });
    assert.equal(readFileSync(join(unpacked.path, 'a'), 'utf8'), 'hello');
  }
  for (const compression of ['gzip', 'zstd']) {
    using refused = unpack(tar, '--compression', compression);
    assert.match(JSON.parse(refused.stderr).message, new RegExp(`no ${compression} stream, or a damaged one`));
    assert.deepEqual(readdirSync(refused.path), []);
  }
  using unknown = unpack(tar, '--compression', 'xz');
  assert.match(JSON.parse(unknown.stderr).message, /--compression: expected "none", "gzip" or "zstd", got "xz"/);
});

/** Unpacks a file of which `--grows` says how much there is; answers how it ended. */
async function unpackGrowing(target: string, file: string, say: (control: Writable) => Promise<void>) {
  const input = openSync(file, 'r');
  const words = ['--root', target, '--grows', '3', '--compression', 'gzip', '--digest'];
  const child = spawn('dist/proa-unpack', words, { stdio: [input, 'pipe', 'pipe', 'pipe'] });
  closeSync(input);
  const output = Promise.all([text(child.stdout as Readable), text(child.stderr as Readable)]);
  const ended = once(child, 'close');
  const control = child.stdio[3] as Writable & Readable;
  control.on('error', () => {}).resume();
  await say(control);
  const [stdout, stderr] = await output;
  const [status] = await ended;
  return { status, stdout, stderr };
}

test('a file that grows is unpacked as far as it is said to be there, and is given up when nobody says more', async () => {
  using target = directory();
  const parts = Array.from({ length: 8 }, (_, at) => [header({ name: `f${at}`, size: 60_000 }), randomBytes(60_000)]);
  const tar = archive(...parts.flat());
  const packed = gzipSync(tar);
  const file = join(target.path, '../layer');
  writeFileSync(file, '');
  const pause = () => new Promise((done) => setTimeout(done, 30));
  const whole = await unpackGrowing(target.path, file, async (control) => {
    for (let at = 0; at < packed.length; at += 50_000) {
      appendFileSync(file, packed.subarray(at, at + 50_000));
      control.write(`${Math.min(at + 50_000, packed.length)}\n`);
      await pause();
    }
    // All of it is there, but it is not known to be all.
    await pause();
    assert.equal(readdirSync(target.path).length, 8);
    control.write('end\n');
  });
  assert.equal(whole.status, 0, whole.stderr);
  assert.equal(JSON.parse(whole.stdout).digest, `sha256:${createHash('sha256').update(tar).digest('hex')}`);
  const cases: [RegExp, (control: Writable) => void][] = [
    [/Given up by who writes/, (control) => control.write('100000\n', () => control.destroy())],
    [/Given up by who writes/, (control) => control.write(`${packed.length}\n`, () => control.destroy())],
    [/Standard input is shorter than was said/, (control) => control.write(`${packed.length + 1}\nend\n`)],
    [/unexpected end/, (control) => control.write('100000\nend\n')],
    [/expected a number or "end", got "-1"/, (control) => control.write('-1\n')],
  ];
  for (const [message, say] of cases) {
    using other = directory();
    const { status, stderr } = await unpackGrowing(other.path, file, async (control) => say(control));
    assert.equal(status, 1);
    assert.match(JSON.parse(stderr).message, message);
    assert.deepEqual(readdirSync(other.path), [], String(message));
  }
});
