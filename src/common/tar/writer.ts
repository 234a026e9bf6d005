import type { Attribute } from './entry.ts';
import { BLOCK, type EntryKind, at as field } from './format.ts';
import { checksumOf, type HeaderBytes } from './header.ts';
import { type Time, textOfTime } from './time.ts';

/** What `headerBlocks` writes of an entry. Names are byte text: one character for each byte. */
export interface PackedEntry {
  kind: EntryKind;
  name: string;
  link: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  modified: Time;
  major: number;
  minor: number;
  attributes: Attribute[];
}

const flags: { readonly [kind in EntryKind]: string } = {
  file: '0',
  link: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/**
 * The header of an entry: ustar, and before it pax records of what that has no room for. The same entry gives the same
 * bytes always: records are sorted, and there are neither names of users nor times of access or status change.
 */
export function headerBlocks(entry: PackedEntry, headerBytes?: HeaderBytes): Uint8Array {
  const records = recordsOf(entry);
  if (records === '') return ustar(entry, headerBytes);
  const size = Math.ceil(records.length / BLOCK) * BLOCK;
  const whole = new Uint8Array(2 * BLOCK + size);
  const about = {
    ...entry,
    kind: 'file' as const,
    name: 'pax',
    link: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: records.length,
  };
  whole.set(ustar({ ...about, modified: { seconds: 0, nanoseconds: 0 } }, headerBytes, 'x'));
  put(whole, BLOCK, records, records.length);
  whole.set(ustar(entry, headerBytes), BLOCK + size);
  return whole;
}

const MAXIMUM_ID = 0o7777777;
const MAXIMUM_NUMBER = 0o77777777777;

function recordsOf({ name, link, uid, gid, size, modified, major, minor, attributes }: PackedEntry): string {
  const records: [string, string][] = [];
  if (name.length > 100) records.push(['path', name]);
  if (link.length > 100) records.push(['linkpath', link]);
  if (uid > MAXIMUM_ID) records.push(['uid', String(uid)]);
  if (gid > MAXIMUM_ID) records.push(['gid', String(gid)]);
  if (size > MAXIMUM_NUMBER) records.push(['size', String(size)]);
  if (major > MAXIMUM_ID) records.push(['SCHILY.devmajor', String(major)]);
  if (minor > MAXIMUM_ID) records.push(['SCHILY.devminor', String(minor)]);
  const usual = modified.nanoseconds === 0 && modified.seconds >= 0 && modified.seconds <= MAXIMUM_NUMBER;
  if (!usual) records.push(['mtime', textOfTime(modified)]);
  for (const attribute of attributes)
    records.push([`SCHILY.xattr.${byteText(attribute.name)}`, byteText(attribute.value)]);
  // Names that are not UTF-8 stay as they are, as GNU tar and Go have them.
  return records
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => record(key, value))
    .join('');
}

function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

function ustar(entry: PackedEntry, headerBytes: HeaderBytes | undefined, flag = flags[entry.kind]): Uint8Array {
  const block = new Uint8Array(BLOCK);
  put(block, field.name, entry.name, 100);
  putNumber(block, field.mode, entry.mode, 8);
  putNumber(block, field.uid, entry.uid, 8);
  putNumber(block, field.gid, entry.gid, 8);
  putNumber(block, field.size, entry.size, 12);
  putNumber(block, field.mtime, entry.modified.seconds, 12);
  put(block, field.type, flag, 1);
  put(block, field.link, entry.link, 100);
  put(block, field.magic, 'ustar\x0000', 8);
  putNumber(block, field.major, entry.major, 8);
  putNumber(block, field.minor, entry.minor, 8);
  put(block, field.checksum, `${checksumOf(block, 0, headerBytes).toString(8).padStart(6, '0')}\0 `, 8);
  return block;
}

/** Octal, or zero where there is no room for it: a pax record has it then. */
function putNumber(block: Uint8Array, at: number, value: number, length: number): void {
  const digits = value >= 0 ? value.toString(8) : '0';
  put(block, at, (digits.length < length ? digits : '0').padStart(length - 1, '0'), length);
}

function put(block: Uint8Array, at: number, text: string, room: number): void {
  const end = Math.min(text.length, room);
  for (let place = 0; place < end; place++) block[at + place] = text.charCodeAt(place);
}

function byteText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
