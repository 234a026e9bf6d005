// The machine that the static binary is for: this one, or another one that $CC compiles for, whose libraries and headers
// are below $SYSROOT/usr, and whose programs $EMULATOR, a qemu-user, runs here: CONTRIBUTING.md.
import { execFileSync } from 'node:child_process';
import { arch } from 'node:os';
import { join } from 'node:path';
import { stop } from './system.mjs';

export const cc = process.env.CC ?? 'cc';
const { SYSROOT = '/', EMULATOR } = process.env;

/** Its name as GNU has it. */
export function triple() {
  return execFileSync(cc, ['-dumpmachine'], { encoding: 'utf8' }).trim();
}

export function machine() {
  return { x86_64: 'x86-64', aarch64: 'aarch64' }[triple().split('-')[0]];
}

export function isForeign() {
  return machine() !== { x64: 'x86-64', arm64: 'aarch64' }[arch()];
}

export function canRun() {
  return !isForeign() || Boolean(EMULATOR);
}

/** The arguments of spawn() for running `binary` under the name `argv0`. */
export function runOf(binary, argv0, words, options) {
  if (!isForeign()) return [binary, words, { ...options, argv0 }];
  if (!EMULATOR) stop(`${binary} is for ${machine()}: EMULATOR is to name a qemu-user that runs it`);
  return [EMULATOR, ['-0', argv0, binary, ...words], options];
}

/** One of the compiler's own: `nm` and the like. */
export function toolOf(name) {
  return execFileSync(cc, [`-print-prog-name=${name}`], { encoding: 'utf8' }).trim();
}

/** A file or directory of that machine. */
export function below(...names) {
  return join(SYSROOT, ...names);
}
