import { ProaError } from '#common/errors.ts';
import type { Compression } from '#common/image-spec/media-types.ts';
import type { Read } from '#common/tar/window.ts';
import { Decompressor } from '#sys/decompress.ts';
import { Sha256 } from '#sys/sha256.ts';

/** How often is told what was unpacked. */
const STEP_BYTES = 4 << 20;

export interface PackedOptions {
  compression: Compression;
  /** Whether the digest is wanted. */
  digest: boolean;
  /** Bytes of the archive so far. */
  onProgress?: ((bytes: number) => void) | undefined;
}

/** A layer as it is sent: what its archive is read through, and the digest of that once all of it was read. */
export class Packed {
  readonly #options: PackedOptions;
  readonly #hash: Sha256 | undefined;
  #bytes = 0;
  #told = 0;

  constructor(options: PackedOptions) {
    this.#options = options;
    this.#hash = options.digest ? new Sha256() : undefined;
  }

  /** Undefined where nothing stands between the archive and what is sent. */
  get through(): ((read: Read) => Read) | undefined {
    const { compression, onProgress } = this.#options;
    if (compression === 'none' && !this.#hash && !onProgress) return undefined;
    return (read) => {
      const whole = decompressed(compression, read);
      return (into) => this.#count(into, whole(into));
    };
  }

  /** As image-spec, descriptor.md, writes it. */
  digest(): string | undefined {
    return this.#hash && `sha256:${this.#hash.digest()}`;
  }

  #count(into: Uint8Array, count: number): number {
    this.#hash?.update(into, count);
    this.#bytes += count;
    if (this.#bytes - this.#told >= STEP_BYTES) {
      this.#told = this.#bytes;
      this.#options.onProgress?.(this.#bytes);
    }
    return count;
  }
}

function decompressed(compression: Compression, read: Read): Read {
  if (compression === 'none') return read;
  const fail = (problem: string) =>
    new ProaError(`no ${compression} stream, or a damaged one: ${problem}`, { kind: 'invalid' });
  const stream = new Decompressor(compression, { read, fail });
  return (into) => stream.read(into);
}
