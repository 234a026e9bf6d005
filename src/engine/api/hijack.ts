import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ProaError } from '#common/errors.ts';

const LIMIT = 1 << 20;

/** The beginning of a request that takes its connection over. Clients of long ago do not say that they do. */
const HIJACK = /^POST (?:\/v\d+\.\d+)?\/(?:containers\/[^/ ]+\/attach|exec\/[^/ ]+\/start)[? ]/;

export function isHijack({ method, url }: IncomingMessage): boolean {
  return HIJACK.test(`${method} ${url} `);
}

/** The head of a request whose offer of another protocol is not taken: RFC 9110, 7.8. */
export function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (!/^(upgrade|connection)$/i.test(rawHeaders[at] ?? '')) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/**
 * Reads the body of a request whose connection becomes bytes: Node.js has not parsed it, and part of it may have come with
 * the head. What follows it is given back to the socket. RFC 9112, 6.
 */
export async function readHijackedBody(request: IncomingMessage, socket: Socket, head: Buffer): Promise<Buffer> {
  const reader = new BodyReader(socket, head);
  try {
    if (/\bchunked\b/i.test(request.headers['transfer-encoding'] ?? '')) return await reader.chunks();
    const length = Number(request.headers['content-length'] ?? 0);
    if (!Number.isInteger(length) || length < 0 || length > LIMIT) throw tooLong();
    return await reader.take(length);
  } finally {
    reader.giveBack();
  }
}

class BodyReader {
  readonly #socket: Socket;
  #pending: Buffer;

  constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    this.#pending = head;
  }

  async take(length: number): Promise<Buffer> {
    while (this.#pending.length < length) await this.#more();
    const taken = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    return taken;
  }

  async chunks(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let total = 0; ; ) {
      const size = Number.parseInt(await this.#line(), 16);
      if (Number.isNaN(size)) throw new ProaError('the body is not in chunks', { kind: 'invalid' });
      total += size;
      if (total > LIMIT) throw tooLong();
      if (size === 0) break;
      parts.push(await this.take(size));
      await this.#line();
    }
    // Trailers, up to an empty line.
    while ((await this.#line()) !== '');
    return Buffer.concat(parts);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#pending.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#pending.toString('latin1', 0, end);
        this.#pending = this.#pending.subarray(end + 2);
        return line;
      }
      if (this.#pending.length > LIMIT) throw tooLong();
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const chunk = await new Promise<Buffer>((resolve, reject) => {
      const onData = (bytes: Buffer) => {
        this.#socket.pause();
        off();
        resolve(bytes);
      };
      const onEnd = () => {
        off();
        reject(new ProaError('the body ended early', { kind: 'invalid' }));
      };
      const off = () => {
        this.#socket.off('data', onData);
        this.#socket.off('end', onEnd);
        this.#socket.off('close', onEnd);
      };
      this.#socket.on('data', onData);
      this.#socket.on('end', onEnd);
      this.#socket.on('close', onEnd);
      this.#socket.resume();
    });
    this.#pending = Buffer.concat([this.#pending, chunk]);
  }

  giveBack(): void {
    if (this.#pending.length > 0 && !this.#socket.destroyed) this.#socket.unshift(this.#pending);
  }
}

function tooLong(): ProaError {
  return new ProaError(`the body of this request has at most ${LIMIT} bytes`, { kind: 'invalid' });
}

export const OLD_HEADER = 'x-proa-old-hijack';

/**
 * Looks at the first bytes of a connection. Clients of old style are made to say what they do, since Node.js would take
 * what they send later for requests.
 */
export function markOldStyle(first: Buffer): Buffer {
  const end = first.indexOf('\r\n');
  const headEnd = first.indexOf('\r\n\r\n');
  if (end < 0 || headEnd < 0) return first;
  const head = first.toString('latin1', 0, headEnd);
  if (!HIJACK.test(head) || /^upgrade:/im.test(head)) return first;
  const lines = head.split('\r\n').filter((line) => !/^connection:/i.test(line));
  const marked = [...lines, 'Connection: Upgrade', 'Upgrade: tcp', `${OLD_HEADER}: 1`].join('\r\n');
  return Buffer.concat([Buffer.from(marked, 'latin1'), first.subarray(headEnd)]);
}
