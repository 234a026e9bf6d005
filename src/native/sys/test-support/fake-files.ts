import { type Door, useDoor } from '../door.ts';
import { statxLayout } from '../raw/file.ts';
import * as NR from '../raw/generated/numbers.ts';
import { timespec } from '../time.ts';
import { fakeLibrary } from './fake-library.ts';

interface File {
  inode: number;
  data: number[];
}

const [ENOENT, ENOSYS, ENOSPC] = [-2, -38, -28];
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;

/** A file system of a few calls in memory, with a clock; its disk can be full and its writes fail. */
export class FakeFiles {
  readonly files = new Map<string, File>();
  readonly #open = new Map<number, File>();
  #last = 2;
  /** Bytes of all files together that it has room for. */
  capacity = Number.POSITIVE_INFINITY;
  /** What every write answers; 0: it is done. */
  failure = 0;
  /** What every ftruncate answers; 0: it is done. */
  truncateFailure = 0;
  /** What every openat answers; 0: it is done. */
  openFailure = 0;
  seconds = 1_767_323_045;
  nanoseconds = 6;
  writes = 0;

  text(path: string): string {
    return (this.files.get(path)?.data ?? []).map((byte) => String.fromCharCode(byte)).join('');
  }

  /** Runs `body` with this in place of the kernel. */
  run(body: () => void): void {
    const fake = {
      syscall: (number: number, ...args: never[]) => this.#call(number, args),
      decode: (bytes: Uint8Array) => String.fromCharCode(...bytes),
      ...fakeLibrary(),
    };
    const before = useDoor(fake as unknown as Door);
    try {
      body();
    } finally {
      useDoor(before);
    }
  }

  #call(number: number, args: unknown[]): number {
    const [a, b, c, d, e] = args as [never, never, never, never, never];
    if (number === NR.openat) return this.#openat(b, c);
    if (number === NR.close) return this.#open.delete(a) ? 0 : -9;
    if (number === NR.write) return this.#write(this.#file(a), b, c);
    if (number === NR.statx) return this.#statx(b === '' ? this.#file(a) : this.files.get(b), e);
    if (number === NR.renameat2) return this.#rename(b, d);
    if (number === NR.unlinkat) return this.files.delete(b) ? 0 : ENOENT;
    if (number === NR.ftruncate) return this.#truncate(this.#file(a), b);
    if (number === NR.faccessat2) return this.files.has(b) ? 0 : ENOENT;
    if (number === NR.pread64) return this.#read(this.#file(a), b, d);
    if (number === NR.clock_gettime) {
      (b as Uint8Array).set(timespec.pack({ sec: this.seconds, nsec: this.nanoseconds }));
      return 0;
    }
    return ENOSYS;
  }

  #file(fd: number): File {
    const file = this.#open.get(fd);
    if (!file) throw new RangeError(`fd ${fd} is not open`);
    return file;
  }

  #openat(path: string, flags: number): number {
    if (this.openFailure !== 0) return this.openFailure;
    let file = this.files.get(path);
    if (!file) {
      if (!(flags & O_CREAT)) return ENOENT;
      file = { inode: ++this.#last, data: [] };
      this.files.set(path, file);
    }
    if (flags & O_TRUNC) file.data = [];
    this.#open.set(++this.#last, file);
    return this.#last;
  }

  #write(file: File, bytes: Uint8Array, length: number): number {
    this.writes++;
    if (this.failure !== 0) return this.failure;
    let used = 0;
    for (const { data } of this.files.values()) used += data.length;
    const count = Math.min(length, this.capacity - used);
    if (count <= 0) return ENOSPC;
    for (let at = 0; at < count; at++) file.data.push(bytes[at] as number);
    return count;
  }

  #statx(file: File | undefined, buffer: Uint8Array): number {
    if (!file) return ENOENT;
    buffer.set(statxLayout.pack({ mode: 0o100640, ino: file.inode, size: file.data.length }));
    return 0;
  }

  #rename(from: string, to: string): number {
    const file = this.files.get(from);
    if (!file) return ENOENT;
    this.files.delete(from);
    this.files.set(to, file);
    return 0;
  }

  #truncate(file: File, length: number): number {
    if (this.truncateFailure !== 0) return this.truncateFailure;
    file.data.length = length;
    return 0;
  }

  #read(file: File, buffer: Uint8Array, offset: number): number {
    const bytes = file.data.slice(offset, offset + buffer.length);
    buffer.set(bytes);
    return bytes.length;
  }
}
