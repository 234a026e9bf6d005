// Runs tests/guest/ on a kernel of its own: QEMU boots Debian's cloud kernel with an initramfs of busybox, the binary and
// the tests, on cgroup v2 alone and with AppArmor.
//   node tools/guest.mjs [--console] [WORD…]    tests whose name holds a word; --console shows all that the guest says
// A guest that does not end by itself is killed after $GUEST_SECONDS (600).
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { bundles } from '../tests/guest/bundles.mjs';
import { bootGuest, endWith, fetchKernel, guestPackages, guestWork, kernelModule } from './qemu.mjs';
import { needPackages, stop } from './system.mjs';

const repository = resolve(import.meta.dirname, '..');
const seconds = Number(process.env.GUEST_SECONDS ?? '600');
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const showConsole = process.argv.includes('--console');

const apparmorParser = 'sbin/apparmor_parser';

/** Copies a program of the unpacked packages with the libraries it is linked to. */
function copyWithLibraries(program, root) {
  const own = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((name) => join(guestPackages, name)).join(':');
  const listed = spawnSync('ldd', [program], {
    encoding: 'utf8',
    env: { ...process.env, LD_LIBRARY_PATH: own },
  }).stdout;
  for (const [, path] of listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
    const inside = path.startsWith(guestPackages) ? path.slice(guestPackages.length) : path;
    mkdirSync(dirname(join(root, inside)), { recursive: true });
    cpSync(path, join(root, inside), { dereference: true });
  }
  cpSync(program, join(root, 'bin', basename(program)), { dereference: true });
}

function makeInitramfs() {
  const root = join(guestWork, 'root');
  rmSync(root, { recursive: true, force: true });
  for (const name of ['bin', 'dev', 'proc', 'sys', 'run', 'tmp', 'etc', 'modules', 'bundles', 'newroot'])
    mkdirSync(join(root, name), { recursive: true });
  cpSync('/bin/busybox', join(root, 'bin/busybox'), { dereference: true });
  symlinkSync('busybox', join(root, 'bin/sh'));
  const binary = join(repository, 'dist/proa');
  if (!existsSync(binary)) stop('dist/proa is not built: npm run build');
  cpSync(binary, join(root, 'bin/proa'));
  symlinkSync('proa', join(root, 'bin/proa-runtime'));
  const overlay = kernelModule('overlay');
  if (overlay) writeFileSync(join(root, 'modules/overlay.ko'), overlay);
  const parser = [apparmorParser, `usr/${apparmorParser}`]
    .map((name) => join(guestPackages, name))
    .find((path) => existsSync(path));
  if (!parser) stop('the apparmor package holds no apparmor_parser');
  copyWithLibraries(parser, root);
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
  if (process.arch !== 'x64') stop('the guest tests run on x86-64 only');
  needPackages(['qemu-system-x86', 'cpio', 'xz-utils', 'gzip', 'busybox-static', 'apt']);
  mkdirSync(guestWork, { recursive: true });
  const kernel = fetchKernel();
  const begin = Date.now();
  const line = 'console=ttyS0 quiet loglevel=3 panic=-1 apparmor=1 security=apparmor cgroup_no_v1=all rdinit=/init';
  const more = ['-initrd', makeInitramfs(), '-no-reboot'];
  const result = await bootGuest({ kernel, line, more, seconds, showConsole });
  endWith(`guest ${basename(kernel).slice('vmlinuz-'.length)}`, result, begin);
}

await main();
