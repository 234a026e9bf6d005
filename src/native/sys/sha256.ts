import { door } from './door.ts';

const BLOCK = 64;
/** Where a block's last eight bytes hold the message's length. */
const LENGTH_AT = 56;

/** The first 32 bits of the fractional parts of the square roots of the first eight primes. */
const begin = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/** A SHA-256 digest of bytes that come piece by piece. FIPS 180-4. */
export class Sha256 {
  readonly #state = new Uint32Array(begin);
  /** What does not fill a block yet. */
  readonly #rest = new Uint8Array(BLOCK);
  #length = 0;

  /** Takes the first `length` bytes. */
  update(bytes: Uint8Array, length = bytes.length): void {
    const held = this.#length % BLOCK;
    this.#length += length;
    let at = 0;
    if (held > 0) {
      at = Math.min(length, BLOCK - held);
      this.#rest.set(bytes.subarray(0, at), held);
      if (held + at < BLOCK) return;
      door.sha256(this.#state, this.#rest, 0, BLOCK);
    }
    const whole = at + (length - at) - ((length - at) % BLOCK);
    door.sha256(this.#state, bytes, at, whole);
    this.#rest.set(bytes.subarray(whole, length));
  }

  /** In hexadecimal digits. Nothing can be taken after it. */
  digest(): string {
    const held = this.#length % BLOCK;
    const last = new Uint8Array(held < LENGTH_AT ? BLOCK : 2 * BLOCK);
    last.set(this.#rest.subarray(0, held));
    last[held] = 0x80;
    const view = new DataView(last.buffer);
    view.setUint32(last.length - 8, Math.floor(this.#length / 2 ** 29));
    view.setUint32(last.length - 4, (this.#length * 8) % 2 ** 32);
    door.sha256(this.#state, last, 0, last.length);
    return [...this.#state].map((word) => word.toString(16).padStart(8, '0')).join('');
  }
}
