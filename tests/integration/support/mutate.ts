/** Chances that are the same for the same seed. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0, below `limit`. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 0x100000000) * limit);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

/** Values that nobody expects. */
const strange: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  2 ** 53,
  0.5,
  '',
  '\0',
  '../../etc/passwd',
  '%00',
  'x'.repeat(5000),
  'ünïcödé\u202e',
  [],
  [[]],
  [null],
  {},
  { '': '' },
  { __proto__: null, constructor: 1 },
  '18446744073709551616',
  '-9223372036854775809',
];

/** The document with one thing about it changed. */
export function mutated(value: unknown, chance: Chance): unknown {
  if (chance.below(6) === 0) return chance.of(strange);
  if (Array.isArray(value) && value.length > 0) {
    const at = chance.below(value.length);
    return value.map((one, index) => (index === at ? mutated(one, chance) : one));
  }
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    const name = chance.of(Object.keys(value));
    const changed = { ...value, [name]: mutated((value as Record<string, unknown>)[name], chance) };
    if (chance.below(10) === 0)
      return { ...changed, [`${name}${chance.of(['', 'x', '.', '\0'])}`]: chance.of(strange) };
    return changed;
  }
  if (typeof value === 'string' && value !== '' && chance.below(2) === 0) return mutatedText(value, chance);
  return chance.of(strange);
}

/** The text with characters changed, left out or repeated. */
export function mutatedText(text: string, chance: Chance): string {
  const at = chance.below(text.length + 1);
  const piece = chance.of(['', '%', '%2e%2e%2f', '/', '?', '&', '=', '"', '{', '\u00ff', '9'.repeat(30), text]);
  return text.slice(0, at) + piece + text.slice(at + chance.below(3));
}
