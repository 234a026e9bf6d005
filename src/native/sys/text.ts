import { addressOf, utf8 } from './bytes.ts';
import { door } from './door.ts';

/** A byte that is in no UTF-8. */
const INVALID = 0xff;

/** What stands for some letters of ASCII in a text. host/host.c. */
export class Replacements {
  /** For each byte where its word is, and how long: 0 for none. */
  readonly #table = new BigUint64Array(2 * 256);
  /** What the table leads to stays reachable. */
  readonly #words = new Map<number, Uint8Array>();

  /** `invalid` stands for each byte that is no UTF-8; without it those stay as they are. */
  constructor(words: ReadonlyMap<number, string>, invalid?: string) {
    const all = [...words];
    if (invalid !== undefined) all.push([INVALID, invalid]);
    const texts = utf8(all.map(([, word]) => word).join(''));
    let at = 0;
    for (const [byte, { length }] of all) {
      this.set(byte, texts.subarray(at, at + length));
      at += length;
    }
  }

  /** From now on `word` stands for an ASCII letter. */
  set(byte: number, word: Uint8Array): void {
    this.#words.set(byte, word);
    this.#table[2 * byte] = BigInt(addressOf(word));
    this.#table[2 * byte + 1] = BigInt(word.length);
  }

  /** Writes `bytes`, with what stands for some of them, to `output`: how many bytes that makes, or -1 if it has no room. */
  apply(bytes: Uint8Array, output: Uint8Array): number {
    return door.replace(bytes, bytes.length, output, output.length, this.#table);
  }
}
