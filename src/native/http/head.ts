import { ProaError } from '#common/errors.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import type { Connection } from './connection.ts';

export type Headers = Record<string, string>;

export interface RequestHead {
  method: string;
  /** Path and query. */
  target: string;
  headers: Headers;
}

export interface ResponseHead {
  status: number;
  /** By name in lower case; lines of one name are joined by ", ". */
  headers: Headers;
}

/** More than any engine sends; what is longer is no answer of one. */
const LIMIT = 65536;

export function requestBytes({ method, target, headers }: RequestHead): Uint8Array {
  const lines = [`${method} ${target} HTTP/1.1`];
  for (const [name, value] of Object.entries(headers)) {
    if (/[\r\n\0]/.test(value)) throw new RangeError(`a line break in the header ${name}`);
    lines.push(`${name}: ${value}`);
  }
  return utf8(`${lines.join('\r\n')}\r\n\r\n`);
}

/** The next answer's head; undefined when the connection ends before its first byte. RFC 9112, section 4. */
export async function readResponseHead(connection: Connection): Promise<ResponseHead | undefined> {
  let text = '';
  for (;;) {
    const bytes = await connection.read();
    if (!bytes) {
      if (text === '') return undefined;
      throw new ProaError('the connection ended within an answer', { kind: 'unavailable' });
    }
    // Heads are ASCII; a body behind one is given back as bytes.
    const before = text.length;
    text += latin1(bytes);
    const end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end >= 0) {
      connection.unread(bytes.subarray(end + 4 - before));
      const head = parseResponseHead(text.slice(0, end));
      if (head.status >= 200 || head.status === 101) return head;
      text = '';
    } else if (text.length > LIMIT) throw new ProaError('not an HTTP answer: its head has no end', { kind: 'invalid' });
  }
}

/** One character for each byte up to the end of the head, so that places in the text are places in the bytes. */
function latin1(bytes: Uint8Array): string {
  const end = endOfHead(bytes);
  const head = bytes.subarray(0, end);
  const text = textOf(head);
  return text.length === head.length ? text : Array.from(head, (byte) => String.fromCharCode(byte)).join('');
}

function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
    if (at === 1 && bytes[0] === CR) return 2;
  }
  return bytes.length;
}

const CR = 13;
const LF = 10;

export function parseResponseHead(text: string): ResponseHead {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined)
    throw new ProaError(`not an HTTP answer: it begins with ${JSON.stringify(first.slice(0, 60))}`, {
      kind: 'invalid',
    });
  const headers: Headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new ProaError(`not an HTTP header: ${JSON.stringify(line.slice(0, 60))}`, { kind: 'invalid' });
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  }
  return { status: Number(status), headers };
}
