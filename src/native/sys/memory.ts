import { door } from './door.ts';
import { ENOMEM } from './errno.ts';
import { check, SystemError } from './errors.ts';
import { memoryFile } from './memory-file.ts';
import { ftruncate } from './raw/file.ts';
import * as raw from './raw/memory.ts';

// What surrounds the region that holds all of QuickJS's memory, this module's own included: host/arena.c. Everything here
// is about parts of it that hold nothing, or about copies elsewhere.

const PAGE = 4096;
const HUGE_PAGE = 512 * PAGE;

/** Where the region is, where copies of it are made ready, and where the mapping is that children have in common. */
const REGION = 0x4000000000;
const COPY = REGION - 0x100000000;
const COMMON = REGION + 0x1000000000;

/** Words of struct arena: host/host.h. */
const NEXT = 0;
const LIMIT = 1;
const MAPPED = 2;
const COPY_PLACE = 3;
const COPY_SIZE = 4;
const ALONE = 5;
const STACK = 6;
const FRAME = 7;
const CODE = 8;
const CODE_END = 9;
const ARGUMENTS = 10;
const LOADED = 11;
const CONTEXT = 12;
const FREED = 13;
const CLASS_COUNT = 280;

/** From this class on, blocks have several pages, the first of which begins with 16 bytes: the size, and nothing. */
const FIRST_LARGE_CLASS = 256;
const BLOCK_HEAD = 16;

function word(index: number): number {
  return wordAt(REGION + index * 8);
}

function wordAt(place: number): number {
  const [low = 0, high = 0] = new Uint32Array(door.memory, place - REGION, 2);
  return high * 0x100000000 + low;
}

function setWord(index: number, value: number): void {
  new BigUint64Array(door.memory, index * 8, 1)[0] = BigInt(value);
}

function whole(size: number, unit: number): number {
  return Math.ceil(size / unit) * unit;
}

const usedBytes = () => word(NEXT) - REGION;

/** Where the kernel has left the arguments of this program: pointers, of which the last is null. Those of the environment follow. */
export function argumentsPlace(): number {
  return word(ARGUMENTS);
}

/** Where QuickJS keeps all that a program is. */
export function contextPlace(): number {
  return word(CONTEXT);
}

/** Bytes of bytecode that this process has read. */
export function bytecodeLoaded(): number {
  return word(LOADED);
}

/**
 * Room for the copy of our memory that a child is given by the door's fork, and for one that the child can lend. The door's
 * call lets go of it on either side; parent and child each dispose of the rest.
 */
export class CopyRoom implements Disposable {
  readonly #alone: number;

  constructor() {
    const size = Math.max(whole(2 * usedBytes(), HUGE_PAGE), word(MAPPED) - REGION);
    // The region itself is behind it.
    if (size > REGION - COPY) throw new SystemError('mmap', ENOMEM, 'a copy of our memory');
    // What a child that was lent our memory and killed may have left there is nobody's.
    check(raw.mmap(COPY, size, raw.MAP_PRIVATE | raw.MAP_ANONYMOUS | raw.MAP_FIXED, -1), 'mmap');
    this.#alone = raw.mmap(null, PAGE, raw.MAP_SHARED | raw.MAP_ANONYMOUS, -1);
    if (this.#alone < 0) raw.munmap(COPY, size);
    check(this.#alone, 'mmap');
    raw.madvise(COPY, size, raw.MADV_HUGEPAGE);
    raw.madvise(COPY, usedBytes(), raw.MADV_POPULATE_WRITE);
    setWord(COPY_PLACE, COPY);
    setWord(COPY_SIZE, size);
    setWord(ALONE, this.#alone);
  }

  /** In the child: its own children are not given its memory page by page either. */
  keep(): void {
    raw.madvise(REGION, word(MAPPED) - REGION, raw.MADV_DONTFORK);
  }

  [Symbol.dispose](): void {
    raw.munmap(this.#alone, PAGE);
  }
}

/** Bytes of the mapping that is in common with our parent and its other children; 0: there is none. */
let common = 0;

/** Free room that is put in place with what is used, for what comes meanwhile and soon after. */
const SLACK = 16 * PAGE;

/**
 * What children do not change of our present memory they have in common once they trim theirs: it is in a file as well, of
 * which each has a mapping of its own. For who forks many that wait for years; false where it cannot be.
 */
export function shareMemory(): boolean {
  const used = usedBytes();
  const size = whole(4 * used, HUGE_PAGE);
  using file = memoryFile('proa');
  const written = ftruncate(file.number, size) === 0 && raw.writeMemory(file.number, REGION, used) === used;
  if (written && raw.mmap(COMMON, size, raw.MAP_PRIVATE | raw.MAP_FIXED_NOREPLACE, file.number) === COMMON)
    common = size;
  return common > 0;
}

/** Puts our memory into the mapping of the common file, and that in its place, unless it has outgrown that or the region. */
function settle(): void {
  const size = usedBytes() + SLACK;
  const end = word(MAPPED);
  let moved = 0;
  if (size <= common && REGION + size <= end) {
    // New pages go behind what is put in place.
    setWord(LIMIT, REGION + size);
    setWord(MAPPED, REGION + size);
    if (door.become(COMMON, size)) moved = size;
    raw.madvise(REGION, size, raw.MADV_DONTFORK);
    const mapped = word(MAPPED);
    if (mapped < end) raw.munmap(mapped, end - mapped);
  }
  raw.munmap(COMMON + moved, common - moved);
  common = 0;
}

/**
 * Gives the kernel memory that holds nothing: behind the last page, inside free blocks of several pages, and the stack below
 * us. For processes that wait for years.
 */
export function trimMemory(): void {
  if (common > 0) settle();
  const limit = word(LIMIT);
  // Read last: nothing is allocated between this and the call.
  const next = word(NEXT);
  raw.madvise(next, limit - next, raw.MADV_DONTNEED);
  for (let index = FIRST_LARGE_CLASS; index < CLASS_COUNT; index++)
    for (let block = word(FREED + index); block > 0; block = wordAt(block)) {
      // Its first page holds its size and the way to the next one.
      const begin = block - BLOCK_HEAD;
      const size = whole(wordAt(begin) + BLOCK_HEAD, PAGE);
      raw.madvise(begin + PAGE, size - PAGE, raw.MADV_DONTNEED);
    }
  // Nothing else is mapped for a long way below a stack, and holes are passed over: mmap(2), madvise(2).
  raw.madvise(stackBelow(CALL_PAGES) - 64 * PAGE, 64 * PAGE, raw.MADV_DONTNEED);
}

/** More stack than a call of the door takes from where the last one was made. */
const CALL_PAGES = 8;

/** A page some pages below what of the stack is used. */
function stackBelow(pages: number): number {
  return (Math.floor(word(FRAME) / PAGE) - pages) * PAGE;
}

/**
 * Makes present what we will use, for who waits and will have to be quick then: stack, which one access extends before the
 * rest comes in one go, the rest of the region, and the code. Touched as well: where page tables are shadowed, the
 * kernel's word that a page is there does not make it so.
 */
export function deepenStack(): void {
  const touch = (place: number) => door.memmove(place, place, 1);
  const low = stackBelow(48);
  const stack = word(STACK);
  const code = word(CODE);
  const codeEnd = word(CODE_END);
  touch(low);
  raw.madvise(low, whole(stack - low, PAGE), raw.MADV_POPULATE_WRITE);
  const next = word(NEXT);
  raw.madvise(next, word(LIMIT) - next, raw.MADV_POPULATE_WRITE);
  raw.madvise(code, whole(codeEnd - code, PAGE), raw.MADV_POPULATE_READ);
  for (let page = low; page < stack; page += PAGE) touch(page);
  for (let page = code; page < codeEnd; page += PAGE) door.adler32(1, page, 1);
}
