import { ProaError } from '#common/errors.ts';

/** What an option takes: nothing, a value each time it is given, or a value only after `=`. */
export type OptionKind = 'flag' | 'value' | 'optional';

/** Options by long name; `short` is the letter after one dash, `value` what the help calls its value. */
export type OptionTable = Record<string, { kind: OptionKind; short?: string; value?: string; help: string }>;

export interface Parsed {
  flags: Set<string>;
  /** The last value of each; of a flag "true" or "false". */
  values: Record<string, string>;
  lists: Record<string, string[]>;
  rest: string[];
}

/**
 * Splits arguments as runc does: options before the first other word, as `--name value`, `--name=value`, `-name` or
 * `-x value`; `--` ends them. Throws `invalid` for options that the table does not have.
 */
export function parseOptions(table: OptionTable, args: readonly string[]): Parsed {
  const parsed: Parsed = { flags: new Set(), values: {}, lists: {}, rest: [] };
  let at = 0;
  for (; at < args.length; at++) {
    const word = args[at] as string;
    if (word === '--') {
      at++;
      break;
    }
    if (word === '-' || word[0] !== '-') break;
    const equals = word.indexOf('=');
    const given = word.slice(word[1] === '-' ? 2 : 1, equals < 0 ? undefined : equals);
    const name = findName(table, given);
    if (name === undefined) {
      throw new ProaError(`unknown option "${word}"`, {
        kind: 'invalid',
        remedy: 'See --help for the options of each command',
      });
    }
    const { kind } = table[name] as OptionTable[string];
    let value = equals < 0 ? undefined : word.slice(equals + 1);
    if (kind === 'flag') {
      parsed.values[name] = value ?? 'true';
      if (value === undefined || value === 'true') parsed.flags.add(name);
      else if (value === 'false') parsed.flags.delete(name);
      else throw new ProaError(`option --${name}: expected true or false, got "${value}"`, { kind: 'invalid' });
      continue;
    }
    value ??= kind === 'optional' ? '' : args[++at];
    if (value === undefined) throw new ProaError(`option --${name} needs a value`, { kind: 'invalid' });
    parsed.values[name] = value;
    let list = parsed.lists[name];
    if (!list) {
      list = [];
      parsed.lists[name] = list;
    }
    list.push(value);
  }
  parsed.rest = args.slice(at);
  return parsed;
}

/** The like for a program that takes nothing but options. */
export function parseOptionsAlone(table: OptionTable, args: readonly string[]): Parsed {
  const parsed = parseOptions(table, args);
  const [word] = parsed.rest;
  if (word === undefined) return parsed;
  throw new ProaError(`unexpected word "${word}"`, { kind: 'invalid', remedy: 'See --help for the options' });
}

function findName(table: OptionTable, given: string): string | undefined {
  if (Object.hasOwn(table, given)) return given;
  return Object.keys(table).find((name) => table[name]?.short === given);
}

/** A whole number of at most so many digits, not negative; where the option is not given, `fallback`. */
export function countOption(parsed: Parsed, name: string, { fallback = 0, digits = 9 } = {}): number {
  const text = parsed.values[name];
  if (text === undefined) return fallback;
  if (/^\d+$/.test(text) && text.length <= digits) return Number(text);
  throw new ProaError(`option --${name}: expected a number, got "${text}"`, { kind: 'invalid' });
}
