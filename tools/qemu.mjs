// Debian's cloud kernel in QEMU, for the machine that the static binary is for. The kernel comes from the mirror that this
// machine uses and is unpacked into build/, not installed.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { ownApt } from './quickjs.mjs';
import { lastLine, stop } from './system.mjs';
import { isForeign, machine } from './target.mjs';

/** By machine: its name as Debian has it, the emulator with its package and board, and the console. */
const guests = {
  'x86-64': { debian: 'amd64', qemu: 'qemu-system-x86_64', from: 'qemu-system-x86', board: 'pc', console: 'ttyS0' },
  aarch64: { debian: 'arm64', qemu: 'qemu-system-aarch64', from: 'qemu-system-arm', board: 'virt', console: 'ttyAMA0' },
};
const guest = guests[machine()] ?? stop(`there is no guest for what ${process.env.CC ?? 'cc'} compiles for`);

export const qemuPackage = guest.from;
export const guestConsole = guest.console;
export const guestWork = resolve(import.meta.dirname, '../build', isForeign() ? `guest-${guest.debian}` : 'guest');
/** Where the kernel's package and what else guests need are unpacked. */
const guestPackages = join(guestWork, 'packages');
/** Beside the kernel: programs, and the libraries that these are linked to. */
const packages = ['busybox-static', 'apparmor', 'libapparmor1', 'libstdc++6', 'libgcc-s1', 'libc6'];

/** A file or directory of the packages; undefined where there is none. Debian 13 has below /usr what was beside it. */
export function unpacked(name) {
  return [name, join('usr', name)].map((path) => join(guestPackages, path)).find(existsSync);
}

/** Downloads and unpacks the kernel and the other packages; what is there already stays. The path of the kernel. */
export function fetchKernel() {
  const stamp = join(guestPackages, 'complete');
  const wanted = `${packages.join(' ')}\n`;
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) fetchPackages();
  writeFileSync(stamp, wanted);
  const boot = join(guestPackages, 'boot');
  return join(
    boot,
    readdirSync(boot).find((name) => name.startsWith('vmlinuz-')),
  );
}

function fetchPackages() {
  rmSync(guestPackages, { recursive: true, force: true });
  mkdirSync(guestPackages, { recursive: true });
  const apt = aptOptions();
  const newest = `linux-image-cloud-${guest.debian}`;
  const depends = spawnSync('apt-cache', [...apt, 'depends', newest], { encoding: 'utf8' }).stdout;
  const kernel = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (!kernel) stop(`apt knows no ${newest}: the guest tests need Debian’s cloud kernel`);
  for (const name of [kernel, ...packages]) {
    const got = spawnSync('apt-get', [...apt, '-qq', 'download', name], { cwd: guestPackages, encoding: 'utf8' });
    if (got.status !== 0) stop(`cannot download ${name}: ${lastLine(got.stderr)}`);
  }
  for (const name of readdirSync(guestPackages).filter((file) => file.endsWith('.deb'))) {
    execFileSync('dpkg', ['-x', join(guestPackages, name), guestPackages]);
    rmSync(join(guestPackages, name));
  }
}

function aptOptions() {
  if (!isForeign()) return ['-oAPT::Sandbox::User=root'];
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const more = [`-oAPT::Architecture=${guest.debian}`, `-oAPT::Architectures=${guest.debian}`];
  return ownApt(join(guestWork, 'apt'), suite, [...more, '-oDir::State::status=/dev/null']);
}

/** A module of the kernel, as bytes that insmod takes; undefined where the kernel has none of that name. */
export function kernelModule(name) {
  const modules = unpacked('lib/modules');
  if (!modules) return undefined;
  const file = readdirSync(modules, { recursive: true }).find((path) =>
    [`${name}.ko`, `${name}.ko.xz`].includes(basename(path)),
  );
  if (!file) return undefined;
  const program = file.endsWith('.xz') ? ['xz', '-dc'] : ['cat'];
  return execFileSync(program[0], [...program.slice(1), join(modules, file)], { maxBuffer: 1 << 26 });
}

/**
 * Boots a guest whose console tells "ok NAME" and "not ok NAME" of its tests, and "guest: done" at its end, and counts them.
 * `more` are further words for QEMU. A guest that does not end by itself is killed after `seconds`.
 */
export async function bootGuest({ kernel, line, more = [], seconds, showConsole = false }) {
  const hardware = `-machine ${guest.board} -cpu max -smp 2 -m 1024 -nographic -nic none -monitor none`.split(' ');
  // Emulation is what every machine has; nested KVM is not to be relied on.
  const words = ['-kernel', kernel, '-append', line, '-accel', 'tcg', ...hardware, ...more];
  const qemu = spawn(guest.qemu, words, { stdio: ['ignore', 'pipe', 'inherit'] });
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

/** Says how it went, and ends the process. */
export function endWith(name, { passed, failed, done }, begin) {
  const spent = Math.round((Date.now() - begin) / 1000);
  const ended = done ? '' : ', but the guest did not reach its end';
  console.log(`${name}: ${passed} passed, ${failed} failed in ${spent} s${ended}`);
  process.exit(done && failed === 0 && passed > 0 ? 0 : 1);
}
