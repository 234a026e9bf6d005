import type { Seccomp } from '#common/runtime-spec/types.ts';
import { parseSeccomp } from '#common/runtime-spec/validate.ts';
import { placeOfWord, textOf } from '#sys/bytes.ts';
import type { Filter } from './process/seccomp-filter.ts';

/** `linux.seccomp` as it was written: read only where somebody looks into it. */
export class WrittenProfile implements Seccomp {
  readonly text: Uint8Array;
  /** Where it is known. */
  readonly filter: Filter | undefined;
  #value: Seccomp | undefined;

  constructor(text: Uint8Array, filter: Filter | undefined) {
    this.text = text;
    this.filter = filter;
  }

  /** Checked, and with all 64 bits of its numbers. */
  get value(): Seccomp {
    this.#value ??= parseSeccomp(textOf(this.text)) as Seccomp;
    return this.#value;
  }

  get defaultAction() {
    return this.value.defaultAction;
  }

  get defaultErrnoRet() {
    return this.value.defaultErrnoRet;
  }

  get architectures() {
    return this.value.architectures;
  }

  get flags() {
    return this.value.flags;
  }

  get syscalls() {
    return this.value.syscalls;
  }
}

const KEY = '"seccomp"';
const [COLON, BACKSLASH, OPENING, CLOSING] = [0x3a, 0x5c, 0x7b, 0x7d];

/**
 * From where to where the value of the only member "seccomp" of a JSON text goes; or that there is none, or that this quick
 * look cannot tell. Braces in strings of the value may lead to a wrong end: what is found is then no JSON.
 */
export function placeOfProfile(text: Uint8Array): [start: number, end: number] | 'none' | 'unsure' {
  if (hidesLetters(text)) return 'unsure';
  let start = -1;
  for (let at = placeOfWord(text, KEY); at >= 0; at = placeOfWord(text, KEY, at + 1)) {
    const colon = afterSpace(text, at + KEY.length);
    if (text[colon] !== COLON) continue;
    if (start >= 0) return 'unsure';
    start = afterSpace(text, colon + 1);
  }
  if (start < 0) return 'none';
  return text[start] === OPENING ? [start, endOfBraces(text, start)] : 'unsure';
}

/** Letters of "seccomp" are from `\u0063` to `\u0073`; besides, QuickJS takes all that JavaScript has in strings. */
const HARMLESS = /^\\(?:["\\/bfnrt]|u(?!00[67])[0-9a-fA-F]{4})/;

/** Whether the name may be there written otherwise. */
function hidesLetters(text: Uint8Array): boolean {
  for (let at = text.indexOf(BACKSLASH); at >= 0; at = text.indexOf(BACKSLASH, at + 2))
    if (!HARMLESS.test(textOf(text.subarray(at, at + 6)))) return true;
  return false;
}

/** Space of JSON: RFC 8259, section 2. */
const SPACE = [0x20, 0x09, 0x0a, 0x0d];

function afterSpace(text: Uint8Array, at: number): number {
  let next = at;
  while (SPACE.includes(text[next] ?? -1)) next++;
  return next;
}

/** Behind the brace that closes the one at `start`, or the text's end. */
function endOfBraces(text: Uint8Array, start: number): number {
  let depth = 1;
  let opening = text.indexOf(OPENING, start + 1);
  let closing = start;
  while (depth > 0) {
    closing = text.indexOf(CLOSING, closing + 1);
    if (closing < 0) return text.length;
    for (; opening >= 0 && opening < closing; opening = text.indexOf(OPENING, opening + 1)) depth++;
    depth--;
  }
  return closing + 1;
}
