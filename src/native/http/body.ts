import { ProaError } from '#common/errors.ts';
import { joinBytes, textOf, utf8 } from '#sys/bytes.ts';
import type { Connection } from './connection.ts';
import type { ResponseHead } from './head.ts';

/** Where a body ends: RFC 9112, section 6.3. */
type Framing = { kind: 'length'; left: number } | { kind: 'chunked'; left: number } | { kind: 'close' };

export interface BodyOptions {
  method: string;
  head: ResponseHead;
  /** Called once when the body has been read to its end; whether another request may follow on the connection. */
  ended(reusable: boolean): void;
}

/** The body of an answer, read piece by piece. */
export class Body {
  readonly #connection: Connection;
  readonly #framing: Framing;
  #ended: ((reusable: boolean) => void) | undefined;
  #first = true;

  constructor(connection: Connection, { method, head, ended }: BodyOptions) {
    this.#connection = connection;
    this.#framing = framingOf(method, head);
    this.#ended = ended;
    if (this.#framing.kind === 'length' && this.#framing.left === 0) this.#end(true);
  }

  /** The next bytes, valid until the next read; undefined at the end. Throws `unavailable` where it is cut off. */
  async read(): Promise<Uint8Array | undefined> {
    const framing = this.#framing;
    if (!this.#ended) return undefined;
    if (framing.kind === 'chunked' && framing.left === 0 && !(await this.#nextChunk(framing))) return undefined;
    const bytes = await this.#connection.read();
    if (!bytes) {
      this.#end(false);
      if (framing.kind === 'close') return undefined;
      throw cutOff();
    }
    if (framing.kind === 'close') return bytes;
    const own = bytes.length > framing.left ? bytes.subarray(0, framing.left) : bytes;
    this.#connection.unread(bytes.subarray(own.length));
    framing.left -= own.length;
    if (framing.kind === 'length' && framing.left === 0) this.#end(true);
    return own;
  }

  /** Everything up to the end. */
  async bytes(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (let piece = await this.read(); piece; piece = await this.read()) pieces.push(piece.slice());
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : joinBytes(...pieces);
  }

  async text(): Promise<string> {
    return textOf(await this.bytes());
  }

  /** Gives up what has not been read: the connection goes with it. */
  abandon(): void {
    this.#end(false);
  }

  /** Reads the size line of a chunk; false behind the last one. RFC 9112, section 7.1. */
  async #nextChunk(framing: { left: number }): Promise<boolean> {
    // Each chunk but the first has a line end behind the one before.
    let line = await this.#line();
    if (!this.#first && line === '') line = await this.#line();
    this.#first = false;
    const size = /^([0-9a-fA-F]{1,12})(?:;|\s*$)/.exec(line)?.[1];
    if (size === undefined) {
      this.#end(false);
      throw new ProaError(`not the size of a chunk: ${JSON.stringify(line.slice(0, 40))}`, { kind: 'invalid' });
    }
    framing.left = Number.parseInt(size, 16);
    if (framing.left > 0) return true;
    while ((await this.#line()) !== '');
    this.#end(true);
    return false;
  }

  async #line(): Promise<string> {
    let text = '';
    for (;;) {
      const bytes = await this.#connection.read();
      if (!bytes || text.length > 4096) {
        this.#end(false);
        throw cutOff();
      }
      const end = bytes.indexOf(LF);
      text += textOf(bytes.subarray(0, end < 0 ? bytes.length : end));
      if (end < 0) continue;
      this.#connection.unread(bytes.subarray(end + 1));
      return text.endsWith('\r') ? text.slice(0, -1) : text;
    }
  }

  #end(reusable: boolean): void {
    const told = this.#ended;
    this.#ended = undefined;
    told?.(reusable);
  }
}

const LF = 10;

function cutOff(): ProaError {
  return new ProaError('the connection ended within an answer', { kind: 'unavailable' });
}

function framingOf(method: string, { status, headers }: ResponseHead): Framing {
  if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'length', left: 0 };
  if (headers['transfer-encoding']?.toLowerCase().endsWith('chunked')) return { kind: 'chunked', left: 0 };
  const length = headers['content-length'];
  if (length === undefined) return { kind: 'close' };
  if (!/^\d{1,15}$/.test(length)) throw new ProaError(`content-length: not a size: "${length}"`, { kind: 'invalid' });
  return { kind: 'length', left: Number(length) };
}

/** Sends pieces of a body whose size is not known beforehand. */
export class ChunkedWriter {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    await this.#connection.write(utf8(`${bytes.length.toString(16)}\r\n`));
    await this.#connection.write(bytes);
    await this.#connection.write(lineEnd);
  }

  async end(): Promise<void> {
    await this.#connection.write(utf8('0\r\n\r\n'));
  }
}

const lineEnd = new Uint8Array([13, 10]);
