import { ProaError } from '#common/errors.ts';

/** ctrl-p, ctrl-q. */
export const defaultDetachKeys = 'ctrl-p,ctrl-q';

const afterLetters: Record<string, number> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };

/** The bytes of keys such as `ctrl-p,ctrl-q` or `ctrl-x,x`. Throws `invalid`, quoting the key that is none. */
export function parseDetachKeys(text: string): number[] {
  return text.split(',').map((key) => {
    if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
    const letter = key.startsWith('ctrl-') ? key.slice('ctrl-'.length) : '';
    if (/^[a-z]$/.test(letter)) return letter.charCodeAt(0) - 96;
    if (Object.hasOwn(afterLetters, letter)) return afterLetters[letter] as number;
    throw new ProaError(`invalid detach keys (${text}): expected keys such as a or ctrl-a, got "${key}"`, {
      kind: 'invalid',
    });
  });
}

/** Looks for the keys in what is typed. What may be their beginning is held back until the next key. */
export class DetachWatch {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What is to be passed on, and whether the keys have been typed. */
  push(bytes: Uint8Array): { pass: Uint8Array; detached: boolean } {
    const pass: number[] = [];
    if (this.#keys.length === 0 || (this.#matched === 0 && !bytes.includes(this.#keys[0] as number)))
      return { pass: bytes, detached: false };
    for (const byte of bytes) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) return { pass: new Uint8Array(pass), detached: true };
        continue;
      }
      pass.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) pass.push(byte);
    }
    return { pass: new Uint8Array(pass), detached: false };
  }
}
