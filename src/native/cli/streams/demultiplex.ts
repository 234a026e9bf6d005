import { ProaError } from '#common/errors.ts';

export type StreamName = 'stdin' | 'stdout' | 'stderr';

const HEADER = 8;
const names: readonly StreamName[] = ['stdin', 'stdout', 'stderr'];
/** What the engine itself has to say, such as why a log cannot be read. */
const SYSTEM_ERROR = 3;

/**
 * Takes apart what engines send for containers without a terminal: each piece has the number of its stream, three zeros and its
 * length, most significant byte first. Docker Engine API, "Attach to a container", "Stream format".
 */
export class Demultiplexer {
  readonly #header = new Uint8Array(HEADER);
  #headerBytes = 0;
  #stream = 0;
  #left = 0;
  #systemError: Uint8Array[] = [];

  /** The pieces in these bytes, which share their memory. Throws what the engine says went wrong. */
  push(bytes: Uint8Array): { stream: StreamName; bytes: Uint8Array }[] {
    const pieces: { stream: StreamName; bytes: Uint8Array }[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) {
        at += this.#takeHeader(bytes.subarray(at));
        continue;
      }
      const piece = bytes.subarray(at, at + this.#left);
      at += piece.length;
      this.#left -= piece.length;
      if (this.#stream === SYSTEM_ERROR) this.#systemError.push(piece.slice());
      else pieces.push({ stream: names[this.#stream] as StreamName, bytes: piece });
    }
    return pieces;
  }

  /** What the engine said went wrong, as bytes of text; empty when nothing did. */
  systemError(): Uint8Array {
    const all = new Uint8Array(this.#systemError.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.#systemError) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  #takeHeader(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, HEADER - this.#headerBytes);
    this.#header.set(taken, this.#headerBytes);
    this.#headerBytes += taken.length;
    if (this.#headerBytes < HEADER) return taken.length;
    this.#headerBytes = 0;
    this.#stream = this.#header[0] as number;
    if (this.#stream > SYSTEM_ERROR || this.#header[1] || this.#header[2] || this.#header[3])
      throw new ProaError(`not a piece of a stream: it begins with ${[...this.#header].join(' ')}`, {
        kind: 'invalid',
      });
    this.#left = new DataView(this.#header.buffer).getUint32(4);
    return taken.length;
  }
}
