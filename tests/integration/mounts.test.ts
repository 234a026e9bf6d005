// Mounts of the configuration, as the container sees them.
import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Mount } from '#common/runtime-spec/types.ts';
import { Bundle } from './support/bundle.ts';

/** A bundle whose mounts are those of `spec` and one more, with its source in the bundle. */
function bundleWith(mount: Mount, args: string[]): Bundle {
  return new Bundle({ args, config: (config) => config.mounts.push(mount) });
}

const link: Mount = {
  destination: '/some/where/link',
  type: 'bind',
  source: 'link',
  options: ['rbind', 'copy-symlink'],
};

test('copy-symlink copies a symbolic link, wherever it leads', () => {
  using bundle = bundleWith(link, ['/bin/readlink', '/some/where/link']);
  symlinkSync('to/nowhere', join(bundle.path, 'link'));
  assert.equal(bundle.run().stdout, 'to/nowhere\n');
  // The one that the first run left is as good.
  assert.equal(bundle.run().stdout, 'to/nowhere\n');
});

test('copy-symlink mounts what is no symbolic link', () => {
  using bundle = bundleWith(link, ['/bin/cat', '/some/where/link']);
  writeFileSync(join(bundle.path, 'link'), 'content');
  assert.equal(bundle.run().stdout, 'content');
});

test('copy-symlink replaces nothing, and stays inside the root', () => {
  using bundle = bundleWith({ ...link, destination: '/out/link' }, ['/bin/true']);
  symlinkSync('to/nowhere', join(bundle.path, 'link'));
  symlinkSync('/', join(bundle.rootfs, 'out'));
  assert.equal(bundle.run().stderr, '');
  assert.equal(readlinkSync(join(bundle.rootfs, 'link')), 'to/nowhere');
  using second = bundleWith({ ...link, destination: '/bin/busybox' }, ['/bin/true']);
  symlinkSync('to/nowhere', join(second.path, 'link'));
  assert.match(second.run().stderr, /mount "\/bin\/busybox": symlinkat\(2\) "\/bin\/busybox": EEXIST/);
  assert.ok(lstatSync(join(second.rootfs, 'bin/busybox')).isFile());
});

test('a directory is not mounted on a file, nor a file on a directory, and callers find mount(2)’s words for it', () => {
  for (const [source, destination] of [
    ['/etc', '/bin/busybox'],
    ['/etc/passwd', '/bin'],
  ] as const) {
    using bundle = bundleWith({ destination, type: 'bind', source, options: ['rbind'] }, ['/bin/true']);
    const { status, stderr } = bundle.run();
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`mount "${destination}": .*not a directory.*\\n {2}try {2}Mount a directory on`));
  }
});

test('acl on a tmpfs, which has no word for it, is no mistake', () => {
  const mount = { destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['acl', 'size=1m'] };
  using bundle = bundleWith(mount, ['/bin/busybox', 'grep', '-c', ' /data tmpfs .*size=1024k', '/proc/mounts']);
  const { stdout, stderr } = bundle.run();
  assert.equal(stderr, '');
  assert.equal(stdout, '1\n');
});

test('a tmpfs has the permissions of the directory that it covers, unless an option gives others', () => {
  const options = [[], ['mode=700'], []];
  using bundle = new Bundle({
    args: ['/bin/stat', '-c', '%a', '/tmp', '/etc', '/missing'],
    config: (config) => {
      for (const [index, destination] of ['/tmp', '/etc', '/missing'].entries())
        config.mounts.push({ destination, type: 'tmpfs', source: 'tmpfs', options: options[index] ?? [] });
    },
  });
  chmodSync(join(bundle.rootfs, 'tmp'), 0o712);
  mkdirSync(join(bundle.rootfs, 'etc'), { recursive: true });
  assert.equal(bundle.run().stdout, '712\n700\n1777\n');
});
