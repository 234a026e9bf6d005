// proa-files against containers that want to be led out of: links to the host's files, names that are swapped while they
// are used, files that change while they are read, archives that are made to write outside.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { archive, header } from '#common/tar/test-support/archive.ts';
import { container } from './support/container.ts';
import { answer, failure, files, mountTable, program, running, stopped, succeeded } from './support/files.ts';
import { escapes } from './support/hostile-archives.ts';
import { snapshot } from './support/snapshot.ts';
import { directory, shell } from './support/unpack.ts';

test('links to files of the host lead to the same place in the container', () => {
  using place = stopped(`mkdir -p lower/etc lower/srv; echo inside > lower/etc/hostname
    ln -s /etc/passwd lower/abs; ln -s ../../../../../../../../../etc/passwd lower/srv/up; ln -s / lower/srv/root
    ln -s /proc/self/root/etc/passwd lower/magic; ln -s loop lower/loop; ln -s /srv/root/etc/hostname lower/own`);
  const { root } = place;
  const paths = ['/abs', '/srv/up', '/srv/root/etc/passwd', '/magic', '/loop', '/../../etc/passwd', '/own'];
  const texts = answer('read', { root, paths }) as Record<string, string | null>;
  assert.deepEqual(Object.values(texts), [null, null, null, null, null, null, 'inside\n']);
  for (const path of paths) assert.ok(!files('get', { root, path }).stdout.includes('root:'), path);
  assert.equal(failure('stat', { root, path: '/loop/x' }).kind, 'invalid');
  assert.deepEqual(linkTargets(root, ['/abs', '/srv/up', '/srv/root']), ['/etc/passwd', '/etc/passwd', '/']);
});

function linkTargets(root: unknown, paths: string[]): string[] {
  return paths.map((path) => (answer('stat', { root, path }) as { linkTarget: string }).linkTarget);
}

const RENAME_EXCHANGE = 2;

/** Swaps two names in a directory as fast as it can be done. */
function swapper(path: string, first: string, second: string): ChildProcess {
  const script = `
import ctypes, os, sys
os.chdir(sys.argv[1]); libc = ctypes.CDLL(None)
a, b = sys.argv[2].encode(), sys.argv[3].encode()
while True: libc.renameat2(-100, a, -100, b, ${RENAME_EXCHANGE})`;
  return spawn('python3', ['-c', script, path, first, second], { stdio: 'ignore' });
}

/** A container whose /run is a directory of the host, with `swap` in it, which is a directory or leads to `outside`. */
async function racing(body: (place: { data: string; outside: string; pid: number }) => void): Promise<void> {
  using scratch = directory();
  const [data, outside] = ['data', 'outside'].map((name) => join(scratch.path, name)) as [string, string];
  mkdirSync(join(data, 'swap/deep'), { recursive: true });
  mkdirSync(join(outside, 'deep'), { recursive: true });
  for (const path of [data, `${data}/swap`, `${data}/swap/deep`]) writeFileSync(join(path, 'secret'), 'harmless');
  for (const path of [outside, `${outside}/deep`]) writeFileSync(join(path, 'secret'), 'SECRET');
  shell(`ln -s ${outside} link`, data);
  using box = container({
    config(config) {
      config.mounts?.push({ destination: '/run', type: 'bind', source: data, options: ['rbind'] });
    },
  });
  const swaps = swapper(data, 'swap', 'link');
  try {
    leak(join(`/proc/${box.pid}/root/run/swap/secret`));
    body({ data, outside, pid: box.pid });
  } finally {
    swaps.kill('SIGKILL');
    await once(swaps, 'close');
  }
}

/** The race is on: a path that is used as it is written leads out. */
function leak(path: string): void {
  const seen = new Set<string>();
  for (let tries = 0; tries < 100_000 && seen.size < 2; tries++) seen.add(readFileSync(path, 'utf8'));
  assert.deepEqual([...seen].sort(), ['SECRET', 'harmless']);
}

test('names that are swapped with links out never lead out', async () => {
  await racing(({ outside, pid }) => {
    const root = running(pid);
    const before = shell('find . -printf "%p %i %s %T@ %C@\n" | sort', outside);
    const layer = archive(
      header({ name: 'deep/put', size: 1 }),
      'x',
      header({ name: 'pipe', type: '6', mode: 0o666 }),
      header({ name: 'new/', type: '5', mode: 0o777 }),
      header({ name: 'deep/', type: '5', mode: 0o700, mtime: 7 }),
    );
    const reached = new Set<number>();
    for (let tries = 0; tries < 60 || (tries < 600 && reached.size < 5); tries++) {
      const outputs = [
        files('read', { root, paths: Array(200).fill('/run/swap/secret') }),
        files('get', { root, path: '/run/swap' }),
        files('get', { root, path: '/run/swap/deep/.' }),
        files('get', { root, path: '/run' }),
        files('put', { root, path: '/run/swap', noOverwriteDirNonDir: false, copyUIDGID: false }, layer),
      ];
      for (const { stdout, stderr } of outputs) assert.ok(!`${stdout}${stderr}`.includes('SECRET'));
      for (const [index, { status }] of outputs.entries()) if (status === 0) reached.add(index);
    }
    assert.equal(reached.size, 5, 'something was never read or put');
    assert.equal(shell('find . -printf "%p %i %s %T@ %C@\n" | sort', outside), before);
  });
});

test('a file that shrinks or grows while it is read has the size that was said', async () => {
  const size = 3_000_000;
  for (const [change, left] of [
    ['truncate -s 1000000 lower/file', 1_000_000],
    ['head -c 1000000 /dev/zero | tr "\\0" b >> lower/file', size],
  ] as const) {
    using place = stopped(`head -c ${size} /dev/zero | tr "\\0" a > lower/file; touch -d @7 lower/file; mkdir lower/z`);
    const child = spawn(program, ['get', JSON.stringify({ root: place.root, path: '/' })]);
    // It waits now, since a pipe holds less than the file.
    const first = (await once(child.stdout, 'readable').then(() => child.stdout.read())) as Buffer;
    shell(change, place.path);
    const tar = Buffer.concat([first, ...(await child.stdout.toArray())]);
    const at = tar.indexOf('aaa');
    assert.equal(tar.subarray(at, at + left).indexOf(0), -1);
    assert.ok(tar.subarray(at + left, at + size).every((byte) => byte === 0));
    writeFileSync(join(place.path, 'x.tar'), tar);
    assert.equal(
      shell('tar -Ptf x.tar; tar -Ptvf x.tar /file | grep -o 3000000', place.path),
      '/\n/file\n/z/\n3000000\n',
    );
  }
});

test('pipes and devices are told of and archived, and never opened', () => {
  using place = stopped('mkdir lower/d; mkfifo lower/d/pipe; mknod lower/d/tty c 5 0; mknod lower/d/none b 240 7');
  const { root } = place;
  assert.deepEqual(answer('read', { root, paths: ['/d/pipe', '/d/tty', '/d/none'] }), {
    '/d/pipe': null,
    '/d/tty': null,
    '/d/none': null,
  });
  writeFileSync(join(place.path, 'x.tar'), succeeded(files('get', { root, path: '/d' })));
  assert.equal(shell('tar tvf x.tar | cut -c1 | tr -d "\n"', place.path), 'dbpc');
});

test('names as long as they can be', () => {
  const long = 'n'.repeat(255);
  using place = stopped(`mkdir -p lower/${Array(14).fill(long).join('/')}; touch lower/${long}/ünï`);
  const { root } = place;
  assert.equal((answer('stat', { root, path: `/${long}/ünï` }) as { name: string }).name, 'ünï');
  for (const path of [`/${long}n`, `/${'x/'.repeat(3000)}`]) {
    const { message, kind } = failure('stat', { root, path });
    assert.match(message, /ENAMETOOLONG/);
    assert.equal(kind, 'invalid');
  }
  writeFileSync(join(place.path, 'x.tar'), succeeded(files('get', { root, path: '/' })));
  mkdirSync(join(place.path, 'out'));
  shell('tar -C out -xPf x.tar --transform "s,^/,," && diff -r out lower', place.path);
});

test('hostile archives write nothing outside the container', () => {
  using scratch = directory();
  const guard = scratch.path;
  shell('mkdir -p outside/dir lower/srv upper work; echo secret > outside/secret', guard);
  const outside = () => snapshot(guard, 'upper', 'work');
  const root = {
    overlay: { lower: [join(guard, 'lower')], upper: join(guard, 'upper'), work: join(guard, 'work') },
    mounts: [],
  };
  const table = mountTable();
  const before = outside();
  let written = 0;
  for (const { name, data } of escapes(guard)) {
    const request = { root, path: '/srv', noOverwriteDirNonDir: false, copyUIDGID: true };
    const { status, signal, stderr } = files('put', request, data);
    assert.equal(signal, null, `${name}: does not end`);
    if (status !== 0) assert.notEqual(JSON.parse(String(stderr)).kind, 'internal', `${name}: ${stderr}`);
    else written++;
    assert.deepEqual(outside(), before, name);
    shell('rm -rf upper/* upper/.[!.]*', guard);
  }
  assert.ok(written > 50);
  assert.equal(mountTable(), table);
  assert.deepEqual(readdirSync(join(guard, 'lower/srv')), []);
});
