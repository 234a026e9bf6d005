// Names in archives are bytes. Here a path is "byte text": a string of one character for each byte, so that it can be
// parted, compared and kept like any other string and still loses nothing. It is given to the kernel by `kernelPath`
// alone.

import { ProaError } from '#common/errors.ts';
import { printable } from '#common/tar/printable.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import type { Path } from '#sys/raw/file.ts';

/** Bytes as byte text. */
export function byteText(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (isAsciiOf(text, bytes)) return text;
  let whole = '';
  for (let at = 0; at < bytes.length; at++) whole += String.fromCharCode(bytes[at] as number);
  return whole;
}

/** One character for each byte, and none of them the decoder's replacement: there is no faster way to find out. */
function isAsciiOf(text: string, bytes: Uint8Array): boolean {
  return text.length === bytes.length && !text.includes('\ufffd');
}

/** Byte text as the kernel takes it: ASCII is the same in both forms. */
export function kernelPath(text: string): Path {
  return isAscii(text) ? text : terminatedBytes(text);
}

/** Other characters take more than one byte in UTF-8; to count those in the host is faster than to look at each here. */
function isAscii(text: string): boolean {
  return utf8(text).length === text.length;
}

function terminatedBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length + 1);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Byte text for a message. */
export function shown(text: string): string {
  return printable(terminatedBytes(text).subarray(0, text.length));
}

/** A path below the root. */
export interface EntryPath {
  /** Without empty parts and `.`; the root itself is empty. */
  path: string;
  /** The directory that holds it. */
  parent: string;
  /** Its name in there, also as the kernel takes it. */
  name: string;
  kernelName: Path;
}

/** What an entry's name means. */
export function entryPath(bytes: Uint8Array): EntryPath {
  const text = textOf(bytes);
  const ascii = isAsciiOf(text, bytes);
  const path = clean(ascii ? text : byteText(bytes));
  const slash = path.lastIndexOf('/');
  const name = slash < 0 ? path : path.slice(slash + 1);
  return { path, parent: slash < 0 ? '' : path.slice(0, slash), name, kernelName: ascii ? name : kernelPath(name) };
}

function clean(whole: string): string {
  let text = whole;
  let start = 0;
  let end = text.length;
  if (text.startsWith('./')) start = 2;
  if (end > start && text.charCodeAt(end - 1) === SLASH) end--;
  if (start > 0 || end < text.length) text = text.slice(start, end);
  const first = text.charCodeAt(0);
  const usual = first !== SLASH && first !== DOT && text !== '' && !text.includes('//') && !text.includes('/.');
  return usual ? text : parted(text).join('/');
}

const DOT = 0x2e;
const SLASH = 0x2f;

function parted(text: string): string[] {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  // Those who follow it end in the root, those who do not refuse it: GNU tar's way is the safe one.
  if (parts.includes('..')) throw new ProaError('The name has ".." in it', { kind: 'invalid' });
  return parts;
}

/** A path as the directory that holds it and the name in there. */
export function splitPath(path: string): { parent: string; name: string } {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? { parent: '', name: path } : { parent: path.slice(0, slash), name: path.slice(slash + 1) };
}
