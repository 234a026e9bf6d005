import { textOf, utf8 } from '#sys/bytes.ts';

// Text in a JSON string as Docker writes it: Go's encoding/json, but with \t as \u0009. What is not UTF-8 becomes \ufffd, a
// time for each byte.

const REPLACEMENT = '\ufffd';
/** What sequences for surrogates begin with, and some others. */
const SURROGATE = 0xed;

type Pairs = readonly (readonly [what: string, instead: string])[];

/** Letters that JSON.stringify leaves as they are, those beyond ASCII apart, and what it has short forms for. */
const letters: Pairs = [
  ['<', '\\u003c'],
  ['>', '\\u003e'],
  ['&', '\\u0026'],
];
const separators: Pairs = [
  ['\u2028', '\\u2028'],
  ['\u2029', '\\u2029'],
];
const shortForms: Pairs = [
  ['\\t', '\\u0009'],
  ['\\b', '\\u0008'],
  ['\\f', '\\u000c'],
];

/** The quickest way here for long texts that hardly ever hold any of it. */
function replaced(text: string, pairs: Pairs): string {
  return pairs.reduce((done, [what, instead]) => done.split(what).join(instead), text);
}

/** The text as it stands in a JSON string, with each newline as `newline`. */
export function escapeText(text: string, { newline, ascii }: { newline: string; ascii: boolean }): string {
  const body = replaced(JSON.stringify(text).slice(1, -1), ascii ? letters : [...letters, ...separators]);
  // Between escaped backslashes, a backslash begins an escape.
  const parts = body.split('\\\\').map((part) => replaced(part, [...shortForms, ['\\n', newline]]));
  return parts.join('\\\\');
}

const BY_ITSELF = { newline: '\\n', ascii: false };

/** As `escapeText`, of bytes that may be no text. */
export function escapeBytes(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (isExactly(text, bytes)) return escapeText(text, BY_ITSELF);
  let escaped = '';
  let from = 0;
  for (let at = 0; at < bytes.length; ) {
    const size = sequenceAt(bytes, at);
    if (size === 0) {
      escaped += `${escapeText(textOf(bytes.subarray(from, at)), BY_ITSELF)}\\ufffd`;
      from = at + 1;
    }
    at += Math.max(size, 1);
  }
  return escaped + escapeText(textOf(bytes.subarray(from)), BY_ITSELF);
}

/** Whether `text`, which was made of `bytes`, says all of them: whether they are UTF-8, but perhaps for U+FFFD itself. */
export function isExactly(text: string, bytes: Uint8Array): boolean {
  if (text.includes(REPLACEMENT)) return false;
  if (text.length === bytes.length) return true;
  // Sequences for surrogates are not UTF-8, and yet have become text.
  const surrogates = bytes.includes(SURROGATE) && /[\ud800-\udfff]/u.test(text);
  return !surrogates && utf8(text).length === bytes.length;
}

/** The size of the UTF-8 sequence at a place, and 0 where there is none: Unicode, table 3-7. */
function sequenceAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  // Neither longer forms than needed, nor surrogates, nor beyond U+10FFFF.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1] ?? 0;
  if (size === 0 || second < low || second > high) return 0;
  for (let index = at + 2; index < at + size; index++) if (!isContinuation(bytes[index])) return 0;
  return size;
}

/** Whether a byte goes on with a UTF-8 sequence. */
export function isContinuation(byte: number | undefined): boolean {
  return ((byte ?? 0) & 0xc0) === 0x80;
}
