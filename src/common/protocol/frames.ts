import { ProaError } from '../errors.ts';

/** Before each message: its length, most significant byte first. */
const HEADER = 4;
/** Files are passed by path, so a longer message is a mistake or an attack. */
const LIMIT = 1 << 20;

/** A message as it goes over a stream socket: its length, then its body, which is JSON in UTF-8. */
export function frameOf(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER + body.length);
  new DataView(frame.buffer).setUint32(0, body.length);
  frame.set(body, HEADER);
  return frame;
}

/** Finds the messages in a stream that arrives in pieces of any size. */
export class FrameReader {
  #pending = new Uint8Array(0);

  push(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#pending.length + bytes.length);
    joined.set(this.#pending);
    joined.set(bytes, this.#pending.length);
    this.#pending = joined;
  }

  /** The body of the next whole message; undefined when more has to come. Throws `invalid` for one that is too long. */
  next(): Uint8Array | undefined {
    const pending = this.#pending;
    if (pending.length < HEADER) return undefined;
    const length = new DataView(pending.buffer, pending.byteOffset).getUint32(0);
    if (length > LIMIT)
      throw new ProaError(`a message has at most ${LIMIT} bytes, this one ${length}`, { kind: 'invalid' });
    if (pending.length < HEADER + length) return undefined;
    this.#pending = pending.slice(HEADER + length);
    return pending.subarray(HEADER, HEADER + length);
  }

  /** What came after the last message: after some requests a connection carries bytes alone. */
  rest(): Uint8Array {
    const rest = this.#pending;
    this.#pending = new Uint8Array(0);
    return rest;
  }
}
