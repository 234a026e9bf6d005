import { textOf } from './bytes.ts';
import { door } from './door.ts';

/** The words of the command line; what is not UTF-8 in them becomes U+FFFD. */
export function commandLine(): string[] {
  return door.argv.map((word) => textOf(new Uint8Array(word)));
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
