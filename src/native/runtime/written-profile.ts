import { parseJson } from '#common/json/parse.ts';
import type { Seccomp } from '#common/runtime-spec/types.ts';
import type { Filter } from './process/seccomp-filter.ts';

/** `linux.seccomp` as it was written: read only where somebody looks into it. */
export class WrittenProfile implements Seccomp {
  readonly text: string;
  /** Where it is known. */
  readonly filter: Filter | undefined;
  #value: Seccomp | undefined;

  constructor(text: string, filter: Filter | undefined) {
    this.text = text;
    this.filter = filter;
  }

  /** With all 64 bits of its numbers. */
  get value(): Seccomp {
    this.#value ??= parseJson(this.text) as Seccomp;
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

/**
 * From where to where the value of the only member "seccomp" of a JSON text goes. undefined: there is none, more than
 * one, or what is there is no object, or cannot be found in this quick way. Of a value with braces in its strings the end
 * is wrong: it is not complete then.
 */
export function placeOfProfile(text: string): [start: number, end: number] | undefined {
  // The name may be written otherwise, with codes for its letters.
  if (text.includes('\\u006') || text.includes('\\u007')) return undefined;
  let start = -1;
  for (let at = text.indexOf(KEY); at >= 0; at = text.indexOf(KEY, at + 1)) {
    const colon = afterSpace(text, at + KEY.length);
    if (text[colon] !== ':') continue;
    if (start >= 0) return undefined;
    start = afterSpace(text, colon + 1);
  }
  return start >= 0 && text[start] === '{' ? [start, endOfBraces(text, start)] : undefined;
}

function afterSpace(text: string, at: number): number {
  let next = at;
  while (' \t\r\n'.includes(text.charAt(next)) && next < text.length) next++;
  return next;
}

/** Behind the brace that closes the one at `start`, or the text's end. */
function endOfBraces(text: string, start: number): number {
  let depth = 1;
  let opening = text.indexOf('{', start + 1);
  let closing = start;
  while (depth > 0) {
    closing = text.indexOf('}', closing + 1);
    if (closing < 0) return text.length;
    for (; opening >= 0 && opening < closing; opening = text.indexOf('{', opening + 1)) depth++;
    depth--;
  }
  return closing + 1;
}
