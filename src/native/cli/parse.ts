import { ProaError } from '#common/errors.ts';
import { nanosecondsFromDuration } from '#common/units/durations.ts';
import { bytesFromSize } from '#common/units/sizes.ts';
import type { Command, Input, Option, Options } from './command.ts';
import { HelpWanted, UsageError } from './failures.ts';

type Value = string | number | boolean | string[];

/**
 * Reads a command line as Docker's client does: `--name value`, `--name=value`, `-n value`, `-nvalue`, flags in one word
 * (`-it`), `--` ends the options. Throws a UsageError naming an option that is unknown, lacks its value or has a wrong one.
 */
export function parseWords<T extends Options>(
  { options, endsOptions = false }: Pick<Command<T>, 'options' | 'endsOptions'>,
  words: readonly string[],
): Input<T> {
  const values: Record<string, Value | undefined> = {};
  for (const name in options) {
    const { kind, default: fallback } = options[name] as Option;
    values[name] = fallback ?? (kind === 'flag' ? false : kind === 'list' ? [] : undefined);
  }
  const given = new Set<string>();
  const rest: string[] = [];
  let at = 0;

  function take(name: string, text: string): void {
    const option = options[name] as Option;
    const value = readValue(option, text, labelOf(name, option));
    if (option.kind === 'list') values[name] = given.has(name) ? [...(values[name] as string[]), text] : [text];
    else values[name] = value;
    given.add(name);
  }

  function next(as: string): string {
    const value = words[++at];
    if (value === undefined) throw new UsageError(`flag needs an argument: ${as}`);
    return value;
  }

  function long(word: string): void {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (name === '' || name.startsWith('-')) throw new UsageError(`bad flag syntax: ${word}`);
    if (!option) throw name === 'help' ? new HelpWanted() : new UsageError(`unknown flag: --${name}`);
    if (equals >= 0) take(name, word.slice(equals + 1));
    else take(name, option.kind === 'flag' ? 'true' : next(`--${name}`));
  }

  function short(word: string): void {
    for (let letters = word.slice(1); letters !== ''; letters = letters.slice(1)) {
      const letter = letters[0] as string;
      const name = Object.keys(options).find((key) => options[key]?.short === letter);
      if (name === undefined)
        throw letter === 'h' ? new HelpWanted() : new UsageError(`unknown shorthand flag: '${letter}' in ${word}`);
      const tail = letters.slice(1);
      const isFlag = options[name]?.kind === 'flag';
      if (tail[0] === '=') {
        take(name, tail.slice(1));
        return;
      }
      if (isFlag) take(name, 'true');
      else {
        take(name, tail === '' ? next(`'${letter}' in ${word}`) : tail);
        return;
      }
    }
  }

  for (; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') {
      rest.push(...words.slice(at + 1));
      break;
    }
    if (word === '-' || word[0] !== '-') {
      rest.push(word);
      if (!endsOptions) continue;
      rest.push(...words.slice(at + 1));
      break;
    }
    if (word[1] === '-') long(word);
    else short(word);
  }
  return { options: values, given, words: rest } as unknown as Input<T>;
}

function labelOf(name: string, { short }: Option): string {
  return short === undefined ? `--${name}` : `-${short}, --${name}`;
}

const booleans: Record<string, boolean> = {
  ...Object.fromEntries(['1', 't', 'T', 'TRUE', 'true', 'True'].map((word) => [word, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'FALSE', 'false', 'False'].map((word) => [word, false])),
};

function readValue({ kind }: Option, text: string, label: string): Value {
  const refuse = (why: string): never => {
    throw new UsageError(`invalid argument ${JSON.stringify(text)} for "${label}" flag: ${why}`);
  };
  if (kind === 'flag')
    return Object.hasOwn(booleans, text) ? (booleans[text] as boolean) : refuse('expected true or false');
  if (kind === 'integer') return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : refuse('expected an integer');
  if (kind === 'decimal') return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : refuse('expected a number');
  try {
    if (kind === 'bytes') return text === '-1' ? -1 : bytesFromSize(text);
    if (kind === 'duration') return nanosecondsFromDuration(text);
  } catch (error) {
    if (error instanceof ProaError) return refuse(error.message);
    throw error;
  }
  return text;
}
