import { EBADF, ENOTTY, ENXIO } from './errno.ts';
import { check } from './errors.ts';
import { type OwnedFd, owned } from './fd.ts';
import * as raw from './raw/file.ts';

// Request numbers of ioctl_tty(2); the same on x86-64 and aarch64.
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TIOCSCTTY = 0x540e;
const TIOCSPGRP = 0x5410;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;

/** The slave side of a pseudoterminal, by its master alone. ioctl_tty(2), TIOCGPTPEER. */
export function openPeer(master: OwnedFd): OwnedFd {
  check(raw.ioctl(master.number, TIOCSPTLCK, new Uint8Array(4)), 'ioctl', 'TIOCSPTLCK');
  return owned(
    raw.ioctl(master.number, TIOCGPTPEER, raw.O_RDWR | raw.O_NOCTTY | raw.O_CLOEXEC),
    'ioctl',
    'TIOCGPTPEER',
  );
}

/** The process, leader of a session without one, gets this controlling terminal. */
export function setControllingTerminal(terminal: OwnedFd): void {
  check(raw.ioctl(terminal.number, TIOCSCTTY, 0), 'ioctl', 'TIOCSCTTY');
}

/**
 * Gives the terminal to a process group of its session; false where `fd` is no controlling terminal. tcsetpgrp(3). A
 * process in the background must ignore SIGTTOU to do this.
 */
export function setForegroundGroup(fd: number, group: number): boolean {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setInt32(0, group, true);
  const result = raw.ioctl(fd, TIOCSPGRP, number);
  if (result === -ENOTTY || result === -ENXIO || result === -EBADF) return false;
  check(result, 'ioctl', 'TIOCSPGRP');
  return true;
}

export interface WindowSize {
  rows: number;
  columns: number;
}

export function setWindowSize(terminal: OwnedFd, { rows, columns }: WindowSize): void {
  const size = new Uint8Array(8);
  const view = new DataView(size.buffer);
  view.setUint16(0, rows, true);
  view.setUint16(2, columns, true);
  check(raw.ioctl(terminal.number, TIOCSWINSZ, size), 'ioctl', 'TIOCSWINSZ');
}

/** Rows and columns; undefined when `fd` is no terminal. */
export function windowSize(fd: number): WindowSize | undefined {
  const size = new Uint8Array(8);
  if (raw.ioctl(fd, TIOCGWINSZ, size) < 0) return undefined;
  const view = new DataView(size.buffer);
  return { rows: view.getUint16(0, true), columns: view.getUint16(2, true) };
}

/** struct termios of the kernel: 36 bytes; flags are four 32-bit words, control characters begin at 17. */
const TERMIOS_SIZE = 36;
const OPOST = 1;
const VTIME = 5;
const VMIN = 6;

/**
 * Passes keys on unseen and unprinted; returns what puts the terminal back. undefined when `fd` is no terminal.
 * termios(3), cfmakeraw.
 */
export function makeRaw(fd: number): Disposable | undefined {
  const before = new Uint8Array(TERMIOS_SIZE);
  if (raw.ioctl(fd, TCGETS, before) < 0) return undefined;
  const settings = before.slice();
  const view = new DataView(settings.buffer);
  const clear = (at: number, bits: number) => view.setUint32(at, view.getUint32(at, true) & ~bits, true);
  clear(0, 0o2753); // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
  clear(4, OPOST);
  clear(12, 0o100113); // ECHO ECHONL ICANON ISIG IEXTEN
  clear(8, 0o460); // CSIZE PARENB
  view.setUint32(8, view.getUint32(8, true) | 0o60, true); // CS8
  settings[17 + VMIN] = 1;
  settings[17 + VTIME] = 0;
  check(raw.ioctl(fd, TCSETS, settings), 'ioctl', 'TCSETS');
  return {
    [Symbol.dispose]() {
      raw.ioctl(fd, TCSETS, before);
    },
  };
}

/** Newlines reach whoever reads the master as they were written. */
export function clearOutputProcessing(terminal: OwnedFd): void {
  const settings = new Uint8Array(TERMIOS_SIZE);
  check(raw.ioctl(terminal.number, TCGETS, settings), 'ioctl', 'TCGETS');
  const view = new DataView(settings.buffer);
  view.setUint32(4, view.getUint32(4, true) & ~0o4, true); // ONLCR
  check(raw.ioctl(terminal.number, TCSETS, settings), 'ioctl', 'TCSETS');
}
