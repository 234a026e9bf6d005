// Runs tests/guest/ on a kernel of its own: QEMU boots Debian's cloud kernel with an initramfs of busybox, the binary and
// the tests, on cgroup v2 alone and with AppArmor.
//   node tools/guest.mjs [--console] [WORD…]    tests whose name holds a word; --console shows all that the guest says
// A guest that does not end by itself is killed after $GUEST_SECONDS (600).
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { bundles } from '../tests/guest/bundles.mjs';
import {
  bootGuest,
  endWith,
  fetchKernel,
  guestConsole,
  guestWork,
  kernelModule,
  qemuPackage,
  unpacked,
} from './qemu.mjs';
import { needPackages, stop } from './system.mjs';
import { toolOf, triple } from './target.mjs';

const repository = resolve(import.meta.dirname, '..');
const seconds = Number(process.env.GUEST_SECONDS ?? '600');
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const showConsole = process.argv.includes('--console');

function ofPackages(name) {
  return unpacked(name) ?? stop(`the packages hold no ${name}`);
}

/** Copies a program of the packages with its libraries and its interpreter, which is one of them by another path. */
function copyWithLibraries(program, root) {
  const directory = join('lib', triple());
  const readelf = (path) => execFileSync(toolOf('readelf'), ['-dlW', path], { encoding: 'utf8' });
  const copy = (from, to) => cpSync(from, join(root, to), { dereference: true });
  const libraries = new Set();
  const addThoseOf = (path) => {
    for (const [, name] of readelf(path).matchAll(/\(NEEDED\).*\[(.+)\]/g)) libraries.add(join(directory, name));
  };
  addThoseOf(program);
  for (const name of libraries) {
    addThoseOf(ofPackages(name));
    copy(ofPackages(name), name);
  }
  const interpreter = /interpreter: (.+)\]/.exec(readelf(program))?.[1];
  copy(ofPackages(join(directory, basename(interpreter))), interpreter);
  copy(program, join('bin', basename(program)));
}

function makeInitramfs() {
  const root = join(guestWork, 'root');
  rmSync(root, { recursive: true, force: true });
  for (const name of ['bin', 'dev', 'proc', 'sys', 'run', 'tmp', 'etc', 'modules', 'bundles', 'newroot'])
    mkdirSync(join(root, name), { recursive: true });
  cpSync(ofPackages('bin/busybox'), join(root, 'bin/busybox'));
  symlinkSync('busybox', join(root, 'bin/sh'));
  const binary = join(repository, 'dist/proa');
  if (!existsSync(binary)) stop('dist/proa is not built: npm run build');
  cpSync(binary, join(root, 'bin/proa'));
  symlinkSync('proa', join(root, 'bin/proa-runtime'));
  const overlay = kernelModule('overlay');
  if (overlay) writeFileSync(join(root, 'modules/overlay.ko'), overlay);
  copyWithLibraries(ofPackages('sbin/apparmor_parser'), root);
  const tests = join(repository, 'tests/guest');
  for (const name of ['init', 'run-one.sh', 'tests.sh', 'profile']) cpSync(join(tests, name), join(root, name));
  chmodSync(join(root, 'init'), 0o755);
  for (const [name, config] of Object.entries(bundles())) {
    mkdirSync(join(root, 'bundles', name));
    writeFileSync(join(root, 'bundles', name, 'config.json'), JSON.stringify(config));
  }
  writeFileSync(join(root, 'wanted'), `${words.join('\n')}\n`);
  execFileSync('sh', ['-c', 'find . | cpio --quiet -o -H newc | gzip -1 > ../initramfs.gz'], { cwd: root });
  return join(guestWork, 'initramfs.gz');
}

async function main() {
  needPackages([qemuPackage, 'cpio', 'xz-utils', 'gzip', 'apt']);
  mkdirSync(guestWork, { recursive: true });
  const kernel = fetchKernel();
  const begin = Date.now();
  const line = `console=${guestConsole} quiet loglevel=3 panic=-1 apparmor=1 security=apparmor cgroup_no_v1=all`;
  const more = ['-initrd', makeInitramfs(), '-no-reboot'];
  const result = await bootGuest({ kernel, line: `${line} rdinit=/init`, more, seconds, showConsole });
  endWith(`guest ${basename(kernel).slice('vmlinuz-'.length)}`, result, begin);
}

await main();
