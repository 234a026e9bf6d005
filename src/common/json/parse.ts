// JSON for documents that others write: integers keep all 64 bits, and a fault is named by line and column.
import { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import type * as exact from './exact.ts';

/**
 * The value of a JSON text (RFC 8259). Integers beyond ±(2^53 - 1), which JSON.parse rounds, become bigints; of
 * repeated keys the last wins; `__proto__` is a key like any other. Throws `invalid` with line and column.
 */
export function parseJson(text: string): unknown {
  const value = parseRounding(text);
  return typeof value === 'number' || holdsLongNumber(text) ? parseSlowly(text, true) : value;
}

/** The same at the engine's own speed, but with integers beyond ±(2^53 - 1) rounded. */
export function parseRounding(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // The engines word and place their errors differently, or not at all.
    parseSlowly(text);
    throw new ProaError('not JSON', { kind: 'invalid', cause });
  }
}

/** The same, several times slower; `valid` says that JSON.parse takes the text. */
export function parseSlowly(text: string, valid = false): unknown {
  return lazy<typeof exact>('json-exact')().parseExactly(text, valid);
}

const runLength = 16;

// 2^53 has 16 digits. A run of 16 holds exactly one index of every 16, so only those are looked at: inside QuickJS a
// regular expression costs more than JSON.parse does.
function holdsLongNumber(text: string): boolean {
  for (let at = runLength - 1; at < text.length; at += runLength) {
    const code = text.charCodeAt(at);
    if (code < 58 && code > 47 && digitsAround(text, at) >= runLength) return true;
  }
  return false;
}

function digitsAround(text: string, at: number): number {
  let first = at;
  while (isDigit(text.charCodeAt(first - 1))) first--;
  let end = at + 1;
  while (isDigit(text.charCodeAt(end))) end++;
  return end - first;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
