import { checksumOf } from '../header.ts';

/** What a header says; fields that are left out are as a writer would have them for an empty file. */
export interface HeaderFields {
  name?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  /** In place of the number. */
  sizeField?: string;
  mtime?: number;
  checksum?: number;
  type?: string;
  link?: string;
  magic?: string;
  major?: number;
  minor?: number;
  prefix?: string;
  /** GNU's old sparse format: four pairs at most. */
  segments?: [number, number][];
  realSize?: number;
}

/** Text of one character for each byte. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;

export function header(fields: HeaderFields): Uint8Array {
  const block = new Uint8Array(512);
  const put = (at: number, text: string) => block.set(bytesOf(text), at);
  put(0, fields.name ?? '');
  put(100, octal(fields.mode ?? 0o644, 8));
  put(108, octal(fields.uid ?? 0, 8));
  put(116, octal(fields.gid ?? 0, 8));
  put(124, fields.sizeField ?? octal(fields.size ?? 0, 12));
  put(136, octal(fields.mtime ?? 0, 12));
  put(156, fields.type ?? '0');
  put(157, fields.link ?? '');
  put(257, fields.magic ?? 'ustar\x0000');
  put(329, octal(fields.major ?? 0, 8));
  put(337, octal(fields.minor ?? 0, 8));
  put(345, fields.prefix ?? '');
  fields.segments?.forEach(([offset, length], at) => {
    put(386 + at * 24, octal(offset, 12) + octal(length, 12));
  });
  if (fields.realSize !== undefined) put(483, octal(fields.realSize, 12));
  put(148, `${octal(fields.checksum ?? checksumOf(block, 0), 7)} `);
  return block;
}

export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/** Headers, and data as text, each filled up to whole blocks, and the end of an archive. */
export function archive(...parts: (Uint8Array | string)[]): Uint8Array {
  const blocks = parts.map((part) => (typeof part === 'string' ? bytesOf(part) : part));
  const sizes = blocks.map(({ length }) => Math.ceil(length / 512) * 512);
  const whole = new Uint8Array(sizes.reduce((sum, size) => sum + size, 1024));
  let at = 0;
  blocks.forEach((block, index) => {
    whole.set(block, at);
    at += sizes[index] as number;
  });
  return whole;
}
