// Memory: each function is the call of that name in section 2 of the manual; the answer is its result or -errno. Places
// are addresses, for this is about what no buffer of ours holds.
import { door } from '../door.ts';
import * as NR from './generated/numbers.ts';

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_FIXED_NOREPLACE = 0x100000;
export const MADV_DONTNEED = 4;
export const MADV_DONTFORK = 10;
export const MADV_HUGEPAGE = 14;
export const MADV_POPULATE_READ = 22;
export const MADV_POPULATE_WRITE = 23;

/** Readable and writable. */
export const mmap = (place: number | null, length: number, flags: number, fd: number) =>
  door.syscall(NR.mmap, place, length, PROT_READ | PROT_WRITE, flags, fd, 0);
export const munmap = (place: number, length: number) => door.syscall(NR.munmap, place, length);
export const madvise = (place: number, length: number, advice: number) =>
  door.syscall(NR.madvise, place, length, advice);
/** From memory that no buffer of ours is. */
export const writeMemory = (fd: number, place: number, length: number) => door.syscall(NR.write, fd, place, length);
