// Runs tests/guest/systemd/ in a guest whose first process is systemd: QEMU boots Debian's cloud kernel with a disk that
// holds a Debian 13 made by debootstrap, Node.js, the engine and its units.
//   node tools/guest-systemd.mjs [--console]    --console shows all that the guest says
// A guest that does not end by itself is killed after $GUEST_SECONDS (600).
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { cachedRoot } from './debian.mjs';
import { bootGuest, endWith, fetchKernel, guestWork, kernelModule } from './qemu.mjs';
import { needPackages, needRoot, stop } from './system.mjs';
import { isForeign } from './target.mjs';

const repository = resolve(import.meta.dirname, '..');
const disk = join(guestWork, 'systemd.img');
const DISK_SIZE = '2G';

/** Debian with what is tested: hard links to the root that is kept, so nothing that is in there may be written to. */
function makeRoot() {
  const kept = cachedRoot('systemd', { suite: 'trixie', packages: ['systemd', 'systemd-sysv', 'libstdc++6'] });
  const root = `${kept}.run`;
  rmSync(root, { recursive: true, force: true });
  execFileSync('cp', ['--archive', '--link', kept, root]);
  copyNode(root);
  cpSync('/bin/busybox', join(root, 'usr/local/bin/busybox'), { dereference: true });
  const programs = join(root, 'usr/lib/proa');
  mkdirSync(programs);
  for (const name of readdirSync(join(repository, 'dist')))
    cpSync(join(repository, 'dist', name), join(programs, name), { verbatimSymlinks: true });
  symlinkSync('../../lib/proa/proa', join(root, 'usr/local/bin/proa'));
  cpSync(join(repository, 'tests/guest/systemd'), join(root, 'tests'), { recursive: true });
  writeFileSync(join(root, 'overlay.ko'), kernelModule('overlay') ?? stop('the kernel has no module "overlay"'));
  addUnits(root);
  return root;
}

function addUnits(root) {
  const units = join(root, 'etc/systemd/system');
  cpSync(join(repository, 'contrib/systemd'), units, { recursive: true });
  cpSync(join(repository, 'tests/guest/systemd/guest.service'), join(units, 'guest.service'));
  writeFileSync(
    join(units, 'overlay.service'),
    '[Unit]\nBefore=proad.service\n[Service]\nType=oneshot\nExecStart=/usr/local/bin/busybox insmod /overlay.ko\n[Install]\nWantedBy=multi-user.target\n',
  );
  // Nobody logs in.
  for (const name of ['getty.target', 'systemd-logind.service']) symlinkSync('/dev/null', join(units, name));
  execFileSync('systemctl', [
    `--root=${root}`,
    '--quiet',
    'enable',
    'proad.socket',
    'proad-boot.service',
    'guest',
    'overlay',
  ]);
}

/** This one, with the libraries that the root has not got, and what Debian's own reads of other packages when it starts. */
function copyNode(root) {
  cpSync(process.execPath, join(root, 'usr/local/bin/node'));
  const listed = spawnSync('ldd', [process.execPath], { encoding: 'utf8' }).stdout;
  const libraries = [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path);
  const modules = process.config.target_defaults.defines
    .map((define) => /^NODE_SHARED_BUILTIN_\w+=(.+)$/.exec(define)?.[1])
    .filter(Boolean);
  for (const path of [...libraries, ...modules]) {
    if (existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    cpSync(path, join(root, path), { dereference: true });
  }
}

async function main() {
  if (process.arch !== 'x64' || isForeign()) stop('the guest with systemd runs on x86-64 only');
  needRoot('the guest with systemd');
  needPackages(['qemu-system-x86', 'xz-utils', 'e2fsprogs', 'busybox-static', 'apt', 'systemd']);
  mkdirSync(guestWork, { recursive: true });
  const kernel = fetchKernel();
  const root = makeRoot();
  const begin = Date.now();
  rmSync(disk, { force: true });
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', root, disk, DISK_SIZE]);
  rmSync(root, { recursive: true, force: true });
  const line = 'console=ttyS0 quiet loglevel=3 panic=-1 root=/dev/nvme0n1 rw systemd.show_status=0 cgroup_no_v1=all';
  const more = [
    '-drive',
    `if=none,id=disk,format=raw,file=${disk},cache=unsafe`,
    '-device',
    'nvme,drive=disk,serial=disk',
  ];
  const seconds = Number(process.env.GUEST_SECONDS ?? '600');
  const result = await bootGuest({ kernel, line, more, seconds, showConsole: process.argv.includes('--console') });
  rmSync(disk, { force: true });
  endWith(`guest with systemd, ${basename(kernel).slice('vmlinuz-'.length)}`, result, begin);
}

await main();
