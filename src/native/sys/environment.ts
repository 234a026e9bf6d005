import { textOf } from './bytes.ts';
import { bytesAt } from './library.ts';
import { argumentsPlace } from './memory.ts';

/** Our arguments and environment, read when they are asked for: neither need be UTF-8. */
let words: Uint8Array[] | undefined;
let environment: Uint8Array[] | undefined;

/** The words of the command line; what is not UTF-8 in them becomes U+FFFD. */
export function commandLine(): string[] {
  return startBytes().words.map((word) => textOf(word));
}

/** The words of the command line and the entries of the environment as they were given. */
export function startBytes(): { words: Uint8Array[]; environment: Uint8Array[] } {
  words ??= stringsAt(argumentsPlace());
  environment ??= stringsAt(argumentsPlace() + 8 * (words.length + 1));
  return { words, environment };
}

/** The C strings that an array of pointers ended by null leads to. */
function stringsAt(array: number): Uint8Array[] {
  const strings: Uint8Array[] = [];
  for (let at = array; ; at += 8) {
    const place = Number(new DataView(bytesAt(at, 8).buffer).getBigUint64(0, true));
    if (place === 0) return strings;
    strings.push(bytesAt(place));
  }
}

/** A variable of this process's environment. environ(7). */
export function environmentVariable(name: string): string | undefined {
  const prefix = `${name}=`;
  for (const entry of startBytes().environment) {
    if (entry.length < prefix.length) continue;
    const text = textOf(entry);
    if (text.startsWith(prefix)) return text.slice(prefix.length);
  }
  return undefined;
}
