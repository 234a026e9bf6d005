import { door } from './door.ts';

export function utf8(text: string): Uint8Array {
  // The door takes no text that holds NUL.
  if (text.includes('\0')) return joined(text.split('\0').map(terminated)).slice(0, -1);
  return copied(text, door.strlen(text));
}

/** The first `length` bytes of a text's UTF-8, where NUL is behind the last one. */
function copied(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  door.memmove(bytes, text, length);
  return bytes;
}

/** The text in the first `length` bytes; what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array, length = bytes.length): string {
  if (length > bytes.length) throw new RangeError(`${length} bytes of ${bytes.length} were asked for`);
  return door.decode(length === bytes.length ? bytes : bytes.subarray(0, length));
}

export function joinBytes(...pieces: readonly Uint8Array[]): Uint8Array {
  return joined(pieces);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Where an ASCII `word` stands in `bytes` for the first time from `from` on; -1: nowhere. memmem(3). */
export function placeOfWord(bytes: Uint8Array, word: string, from = 0): number {
  const rest = bytes.subarray(from);
  const place = door.memmem(rest, rest.length, word, word.length);
  return place === 0 ? -1 : place - addressOf(bytes);
}

export function sameBytes(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && door.memcmp(first, second, first.length) === 0;
}

/**
 * Where the first byte is, for pointers inside structures. Buffers stay where they are; the caller keeps this one reachable
 * for as long as somebody may look. memmove(3) returns its destination.
 */
export function addressOf(bytes: Uint8Array | BigUint64Array): number {
  return door.memmove(bytes, bytes, 0);
}

/**
 * Strings as execve(2) wants them: an array of pointers, ended by null, with the storage it points to. Keep both
 * reachable while the kernel may read.
 */
export function stringArray(strings: readonly (string | Uint8Array)[]): {
  pointers: BigUint64Array;
  storage: Uint8Array[];
} {
  const pointers = new BigUint64Array(strings.length + 1);
  const storage = strings.map((text, index) => {
    const bytes = terminated(text);
    pointers[index] = BigInt(addressOf(bytes));
    return bytes;
  });
  return { pointers, storage };
}

/** Text as the kernel wants it: ended by NUL. */
export function terminated(bytes: string | Uint8Array): Uint8Array {
  if (typeof bytes === 'string') return copied(bytes, door.strlen(bytes) + 1);
  const copy = new Uint8Array(bytes.length + 1);
  copy.set(bytes);
  return copy;
}
