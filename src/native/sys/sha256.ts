import { SHA256_CONTEXT, SHA256_DIGEST, sha256Digest, sha256Init, sha256Update } from './library.ts';

/** A SHA-256 digest of bytes that come piece by piece. FIPS 180-4. */
export class Sha256 {
  readonly #context = new Uint8Array(SHA256_CONTEXT);

  constructor() {
    sha256Init(this.#context);
  }

  /** Takes the first `length` bytes. */
  update(bytes: Uint8Array, length = bytes.length): void {
    if (length > bytes.length) throw new RangeError(`${length} of ${bytes.length} bytes`);
    sha256Update(this.#context, length, bytes);
  }

  /** In hexadecimal digits. After it another digest begins. */
  digest(): string {
    const digest = new Uint8Array(SHA256_DIGEST);
    sha256Digest(this.#context, digest);
    return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}
