// Runs tests/guest/ on a kernel of its own: QEMU boots Debian's cloud kernel with an initramfs of busybox, the binary and
// the tests, on cgroup v2 alone and with AppArmor. The kernel and AppArmor's parser come from the machine's own Debian
// and are unpacked into build/guest, not installed.
//   node tools/guest.mjs [--console] [WORD…]    tests whose name holds a word; --console shows all that the guest says
// A guest that does not end by itself is killed after $GUEST_SECONDS (600).
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { bundles } from '../tests/guest/bundles.mjs';
import { lastLine, needPackages, stop } from './system.mjs';

const repository = resolve(import.meta.dirname, '..');
const work = join(repository, 'build/guest');
const fetched = join(work, 'packages');
const seconds = Number(process.env.GUEST_SECONDS ?? '600');
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const showConsole = process.argv.includes('--console');

const apparmorParser = 'sbin/apparmor_parser';

/** Downloads and unpacks Debian packages; what is there already stays. */
function fetchPackages() {
  const stamp = join(fetched, 'complete');
  if (existsSync(stamp)) return;
  rmSync(fetched, { recursive: true, force: true });
  mkdirSync(fetched, { recursive: true });
  const depends = spawnSync('apt-cache', ['depends', 'linux-image-cloud-amd64'], { encoding: 'utf8' }).stdout;
  const kernel = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (!kernel) stop('apt knows no linux-image-cloud-amd64: the guest tests need Debian’s cloud kernel');
  for (const name of [kernel, 'apparmor', 'libapparmor1']) {
    const got = spawnSync('apt-get', ['-qq', '-oAPT::Sandbox::User=root', 'download', name], {
      cwd: fetched,
      encoding: 'utf8',
    });
    if (got.status !== 0) stop(`cannot download ${name}: ${lastLine(got.stderr)}`);
  }
  for (const name of readdirSync(fetched).filter((file) => file.endsWith('.deb'))) {
    execFileSync('dpkg', ['-x', join(fetched, name), fetched]);
    rmSync(join(fetched, name));
  }
  writeFileSync(stamp, '');
}

function findBelow(directory, name) {
  for (const entry of readdirSync(directory, { recursive: true })) {
    if (basename(entry) === name) return join(directory, entry);
  }
  return undefined;
}

/** Copies a program of the unpacked packages with the libraries it is linked to. */
function copyWithLibraries(program, root) {
  const own = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((name) => join(fetched, name)).join(':');
  const listed = spawnSync('ldd', [program], {
    encoding: 'utf8',
    env: { ...process.env, LD_LIBRARY_PATH: own },
  }).stdout;
  for (const [, path] of listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
    const inside = path.startsWith(fetched) ? path.slice(fetched.length) : path;
    mkdirSync(dirname(join(root, inside)), { recursive: true });
    cpSync(path, join(root, inside), { dereference: true });
  }
  cpSync(program, join(root, 'bin', basename(program)), { dereference: true });
}

function makeInitramfs() {
  const root = join(work, 'root');
  rmSync(root, { recursive: true, force: true });
  for (const name of ['bin', 'dev', 'proc', 'sys', 'run', 'tmp', 'etc', 'modules', 'bundles', 'newroot'])
    mkdirSync(join(root, name), { recursive: true });
  cpSync('/bin/busybox', join(root, 'bin/busybox'), { dereference: true });
  symlinkSync('busybox', join(root, 'bin/sh'));
  const binary = join(repository, 'dist/proa');
  if (!existsSync(binary)) stop('dist/proa is not built: npm run build');
  cpSync(binary, join(root, 'bin/proa'));
  symlinkSync('proa', join(root, 'bin/proa-runtime'));
  const overlay = findBelow(fetched, 'overlay.ko') ?? findBelow(fetched, 'overlay.ko.xz');
  if (overlay?.endsWith('.xz')) {
    writeFileSync(join(root, 'modules/overlay.ko'), execFileSync('xz', ['-dc', overlay], { maxBuffer: 1 << 26 }));
  } else if (overlay) {
    cpSync(overlay, join(root, 'modules/overlay.ko'));
  }
  const parser = [apparmorParser, `usr/${apparmorParser}`]
    .map((name) => join(fetched, name))
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
  return join(work, 'initramfs.gz');
}

/** Boots, and gives the numbers of passed and failed tests and whether the guest said that it was done. */
async function boot(kernel, initramfs) {
  const line = 'console=ttyS0 quiet loglevel=3 panic=-1 apparmor=1 security=apparmor cgroup_no_v1=all rdinit=/init';
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-kernel', kernel, '-initrd', initramfs, '-append', line],
      // Emulation is what every machine has; nested KVM is not to be relied on.
      ...[
        '-accel',
        'tcg',
        '-cpu',
        'max',
        '-smp',
        '2',
        '-m',
        '1024',
        '-nographic',
        '-no-reboot',
        '-nic',
        'none',
        '-monitor',
        'none',
      ],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const timer = setTimeout(() => qemu.kill('SIGKILL'), seconds * 1000);
  process.once('exit', () => qemu.kill('SIGKILL'));
  const result = { passed: 0, failed: 0, done: false };
  const tail = [];
  for await (const raw of createInterface({ input: qemu.stdout })) {
    const text = raw.trimEnd();
    if (showConsole) console.log(text);
    tail.push(text);
    if (tail.length > 30) tail.shift();
    if (/^ok /.test(text)) result.passed++;
    else if (/^not ok /.test(text)) result.failed++;
    else if (text === 'guest: done') result.done = true;
    if (/^(ok|not ok) /.test(text) && !showConsole) console.log(text);
  }
  clearTimeout(timer);
  if (!result.done && !showConsole) console.log(tail.join('\n'));
  return result;
}

async function main() {
  if (process.arch !== 'x64') stop('the guest tests run on x86-64 only');
  needPackages(['qemu-system-x86', 'cpio', 'xz-utils', 'gzip', 'busybox-static', 'apt']);
  mkdirSync(work, { recursive: true });
  fetchPackages();
  const kernel = readdirSync(join(fetched, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  const begin = Date.now();
  const { passed, failed, done } = await boot(join(fetched, 'boot', kernel), makeInitramfs());
  const spent = Math.round((Date.now() - begin) / 1000);
  const ended = done ? '' : ', but the guest did not reach its end';
  console.log(`guest ${kernel.slice('vmlinuz-'.length)}: ${passed} passed, ${failed} failed in ${spent} s${ended}`);
  process.exit(done && failed === 0 && passed > 0 ? 0 : 1);
}

await main();
