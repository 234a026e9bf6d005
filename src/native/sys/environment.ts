import { textOf } from './bytes.ts';
import { door } from './door.ts';

/** The words of the command line; what is not UTF-8 in them becomes U+FFFD. */
export function commandLine(): string[] {
  return door.argv.map((word) => textOf(new Uint8Array(word)));
}

/** The words of the command line and the entries of the environment as they were given: neither need be UTF-8. */
export function startBytes(): { words: Uint8Array[]; environment: Uint8Array[] } {
  const bytes = (list: ArrayBuffer[]) => list.map((text) => new Uint8Array(text));
  return { words: bytes(door.argv), environment: bytes(door.environ) };
}

/** A variable of this process's environment. environ(7). */
export function environmentVariable(name: string): string | undefined {
  const prefix = `${name}=`;
  for (const entry of door.environ) {
    if (entry.byteLength < prefix.length) continue;
    const text = textOf(new Uint8Array(entry));
    if (text.startsWith(prefix)) return text.slice(prefix.length);
  }
  return undefined;
}
