import { ProaError } from '#common/errors.ts';
import { joinBytes, textOf, utf8 } from '#sys/bytes.ts';
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
  let seen: Uint8Array = new Uint8Array(0);
  for (;;) {
    const bytes = await connection.read();
    if (!bytes) {
      if (seen.length === 0) return undefined;
      throw new ProaError('the connection ended within an answer', { kind: 'unavailable' });
    }
    const before = seen.length;
    seen = before === 0 ? bytes.slice() : joinBytes(seen, bytes);
    // Its end may lie across two reads.
    const end = endOfHead(seen, Math.max(0, before - 3));
    if (end !== undefined) {
      connection.unread(bytes.subarray(end - before));
      const head = parseResponseHead(latin1(seen.subarray(0, end - 4)));
      if (head.status >= 200 || head.status === 101) return head;
      seen = new Uint8Array(0);
    } else if (seen.length > LIMIT) throw new ProaError('not an HTTP answer: its head has no end', { kind: 'invalid' });
  }
}

/** The place behind the empty line that ends a head. */
function endOfHead(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(CR, from); at >= 0; at = bytes.indexOf(CR, at + 1))
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at + 4;
  return undefined;
}

/** Heads are ASCII but for what is obsolete: RFC 9110, section 5.5. */
function latin1(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text.length === bytes.length ? text : Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

const LF = 10;
const CR = 13;

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
