import { textOf } from './bytes.ts';
import { bytesAt } from './library.ts';
import { argumentsPlace } from './memory.ts';

// Arguments and environment are read when they are asked for, once: neither need be UTF-8.
let words: Uint8Array[] | undefined;
let environment: Uint8Array[] | undefined;

/** The words of the command line as they were given. */
function wordsGiven(): Uint8Array[] {
  words ??= stringsAt(argumentsPlace());
  return words;
}

/** The entries of the environment as they were given: they stand behind the words. */
function environmentGiven(): Uint8Array[] {
  environment ??= stringsAt(argumentsPlace() + POINTER * (wordsGiven().length + 1));
  return environment;
}

const POINTER = 8;

/** The words of the command line; what is not UTF-8 in them becomes U+FFFD. */
export function commandLine(): string[] {
  return wordsGiven().map((word) => textOf(word));
}

/** The words of the command line and the entries of the environment as they were given. */
export function startBytes(): { words: Uint8Array[]; environment: Uint8Array[] } {
  return { words: wordsGiven(), environment: environmentGiven() };
}

/** The C strings that an array of pointers ended by null leads to. */
function stringsAt(array: number): Uint8Array[] {
  const strings: Uint8Array[] = [];
  for (let at = array; ; at += POINTER) {
    const place = Number(new DataView(bytesAt(at, POINTER).buffer).getBigUint64(0, true));
    if (place === 0) return strings;
    strings.push(bytesAt(place));
  }
}

/** A variable of this process's environment. environ(7). */
export function environmentVariable(name: string): string | undefined {
  const prefix = `${name}=`;
  for (const entry of environmentGiven()) {
    if (entry.length < prefix.length) continue;
    const text = textOf(entry);
    if (text.startsWith(prefix)) return text.slice(prefix.length);
  }
  return undefined;
}
