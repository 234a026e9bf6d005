// Debian's cloud kernel in QEMU. The kernel comes from the mirror that this machine uses and is unpacked into build/guest,
// not installed.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { lastLine, stop } from './system.mjs';

export const guestWork = resolve(import.meta.dirname, '../build/guest');
/** Where the kernel's package and what else guests need are unpacked. */
export const guestPackages = join(guestWork, 'packages');

/** Downloads and unpacks the kernel and AppArmor; what is there already stays. The path of the kernel. */
export function fetchKernel() {
  const stamp = join(guestPackages, 'complete');
  if (!existsSync(stamp)) fetchPackages(stamp);
  const boot = join(guestPackages, 'boot');
  return join(
    boot,
    readdirSync(boot).find((name) => name.startsWith('vmlinuz-')),
  );
}

function fetchPackages(stamp) {
  rmSync(guestPackages, { recursive: true, force: true });
  mkdirSync(guestPackages, { recursive: true });
  const depends = spawnSync('apt-cache', ['depends', 'linux-image-cloud-amd64'], { encoding: 'utf8' }).stdout;
  const kernel = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (!kernel) stop('apt knows no linux-image-cloud-amd64: the guest tests need Debian’s cloud kernel');
  for (const name of [kernel, 'apparmor', 'libapparmor1']) {
    const got = spawnSync('apt-get', ['-qq', '-oAPT::Sandbox::User=root', 'download', name], {
      cwd: guestPackages,
      encoding: 'utf8',
    });
    if (got.status !== 0) stop(`cannot download ${name}: ${lastLine(got.stderr)}`);
  }
  for (const name of readdirSync(guestPackages).filter((file) => file.endsWith('.deb'))) {
    execFileSync('dpkg', ['-x', join(guestPackages, name), guestPackages]);
    rmSync(join(guestPackages, name));
  }
  writeFileSync(stamp, '');
}

/** A module of the kernel, as bytes that insmod takes; undefined where the kernel has none of that name. */
export function kernelModule(name) {
  // Debian 13 has them below /usr.
  const modules = ['lib/modules', 'usr/lib/modules'].map((path) => join(guestPackages, path)).find(existsSync);
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
  const machine = '-cpu max -smp 2 -m 1024 -nographic -nic none -monitor none'.split(' ');
  // Emulation is what every machine has; nested KVM is not to be relied on.
  const words = ['-kernel', kernel, '-append', line, '-accel', 'tcg', ...machine, ...more];
  const qemu = spawn('qemu-system-x86_64', words, { stdio: ['ignore', 'pipe', 'inherit'] });
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
