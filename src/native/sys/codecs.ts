import {
  inflate,
  inflateInit,
  inflateReset,
  pointer,
  textAt,
  Z_BUF_ERROR,
  Z_OK,
  Z_STREAM_END,
  ZSTD_createDCtx,
  ZSTD_DCtx_reset,
  ZSTD_decompressStream,
  ZSTD_getErrorName,
  ZSTD_isError,
  zStream,
  zstdBuffer,
} from './library.ts';

const NO_MEMORY = 'not enough memory';

/** What decompresses one gzip member or zstd frame after the other. Each method answers what is wrong, or undefined. */
export interface Codec {
  /** What the last step took and gave, and whether it came to the end of a member or frame. */
  readonly consumed: number;
  readonly produced: number;
  readonly ended: boolean;
  /** Makes ready for a member or frame. */
  begin(): string | undefined;
  /** Goes on in `input`, from `from` to `to`, until that or the room in `output` is used up, or an end is met. */
  step(input: Uint8Array, from: number, to: number, output: Uint8Array): string | undefined;
}

export class Gunzip implements Codec {
  consumed = 0;
  produced = 0;
  ended = false;
  readonly #stream = zStream.pack({});
  readonly #view = new DataView(this.#stream.buffer);
  #made = false;

  begin(): string | undefined {
    const result = this.#made ? inflateReset(this.#stream) : inflateInit(this.#stream);
    this.#made ||= result === Z_OK;
    return result === Z_OK ? undefined : NO_MEMORY;
  }

  step(input: Uint8Array, from: number, to: number, output: Uint8Array): string | undefined {
    const view = this.#view;
    const at = zStream.offsets;
    view.setBigUint64(at.next_in, pointer(input, from), true);
    view.setUint32(at.avail_in, to - from, true);
    view.setBigUint64(at.next_out, pointer(output), true);
    view.setUint32(at.avail_out, output.length, true);
    const result = inflate(this.#stream);
    this.consumed = to - from - view.getUint32(at.avail_in, true);
    this.produced = output.length - view.getUint32(at.avail_out, true);
    this.ended = result === Z_STREAM_END;
    // Z_BUF_ERROR: there was nothing to be done.
    if (result === Z_OK || result === Z_STREAM_END || result === Z_BUF_ERROR) return undefined;
    const message = zStream.get(this.#stream, 'msg');
    return message === 0 ? NO_MEMORY : textAt(message);
  }
}

export class Unzstd implements Codec {
  consumed = 0;
  produced = 0;
  ended = false;
  #context = 0;

  begin(): string | undefined {
    this.#context ||= ZSTD_createDCtx();
    if (this.#context === 0) return NO_MEMORY;
    ZSTD_DCtx_reset(this.#context);
    return undefined;
  }

  step(input: Uint8Array, from: number, to: number, output: Uint8Array): string | undefined {
    const source = zstdBuffer.pack({ src: pointer(input), size: to, pos: from });
    const target = zstdBuffer.pack({ src: pointer(output), size: output.length });
    const left = ZSTD_decompressStream(this.#context, target, source);
    this.consumed = zstdBuffer.get(source, 'pos') - from;
    this.produced = zstdBuffer.get(target, 'pos');
    this.ended = left === 0;
    return ZSTD_isError(left) ? ZSTD_getErrorName(left) : undefined;
  }
}
