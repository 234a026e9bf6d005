import { ProaError } from '#common/errors.ts';
import { catalog, findCommand, groups } from './catalog.ts';
import type { Option, Options, Subject } from './command.ts';
import { globalOptions } from './globals.ts';
import type { Session } from './session.ts';

/** What the shell completes by itself. */
const FILES = ':file';

/** What the last word of a command line may become; the words before it are complete. */
export async function candidates(session: Session, line: readonly string[]): Promise<string[]> {
  const before = line.slice(0, -1);
  const word = line.at(-1) ?? '';
  const found = (await all(session, before, word)).filter((text) => text.startsWith(word) || text === FILES);
  return [...new Set(found)].sort();
}

async function all(session: Session, before: readonly string[], word: string): Promise<string[]> {
  const start = commandAt(before);
  if (start === undefined) return valuesOf(globalOptions, before) ?? commandWords(before, word);
  const words = before.slice(start);
  const command = findCommand(words);
  if (!command) return commandWords(words, word);
  const { options, subject } = command.load();
  const values = valuesOf(options, words);
  if (values) return values;
  return word.startsWith('-') ? optionWords(options) : subjects(session, subject);
}

/** Where the command begins behind the global options; undefined where it has not yet. */
function commandAt(before: readonly string[]): number | undefined {
  let at = 0;
  while (at < before.length && before[at]?.startsWith('-'))
    at += takesValue(globalOptions, before[at] as string) ? 2 : 1;
  return at < before.length ? at : undefined;
}

function commandWords(before: readonly string[], word: string): string[] {
  if (word.startsWith('-')) return optionWords(globalOptions);
  const group = before.at(-1);
  const prefix = group !== undefined && Object.hasOwn(groups, group) ? `${group} ` : '';
  const names = catalog().flatMap(({ names: own }) => own.filter((name) => name.startsWith(prefix)));
  const next = names.map((name) => name.slice(prefix.length).split(' ')[0] as string);
  return prefix === '' ? [...next, 'help'] : next;
}

function optionWords(options: Options): string[] {
  return [...Object.keys(options).map((name) => `--${name}`), '--help'];
}

function find(options: Options, word: string): Option | undefined {
  if (word.startsWith('--')) return Object.hasOwn(options, word.slice(2)) ? options[word.slice(2)] : undefined;
  return word.startsWith('-') ? Object.values(options).find(({ short }) => short === word.at(-1)) : undefined;
}

function takesValue(options: Options, word: string): boolean {
  const option = find(options, word);
  return option !== undefined && option.kind !== 'flag';
}

/** What may be the value of the option that the last word is; undefined where that is none. */
function valuesOf(options: Options, before: readonly string[]): string[] | undefined {
  const last = before.at(-1);
  if (last === undefined || !takesValue(options, last)) return undefined;
  return [...(find(options, last)?.words ?? [FILES])];
}

const named: Record<Subject, ((session: Session) => Promise<string[]>) | undefined> = {
  container: (session) => containerNames(session, true),
  running: (session) => containerNames(session, false),
  image: async ({ engine }) =>
    (await engine.get<{ RepoTags: string[] | null }[]>('/images/json')).flatMap(({ RepoTags }) => RepoTags ?? []),
  volume: async ({ engine }) =>
    ((await engine.get<{ Volumes: { Name: string }[] | null }>('/volumes')).Volumes ?? []).map(({ Name }) => Name),
  file: undefined,
  nothing: async () => [],
};

async function containerNames({ engine }: Session, all: boolean): Promise<string[]> {
  const found = await engine.get<{ Names: string[] | null }[]>('/containers/json', { all: all || undefined });
  return found.flatMap(({ Names }) => (Names ?? []).map((name) => name.replace(/^\//, '')));
}

async function subjects(session: Session, subject: Subject = 'file'): Promise<string[]> {
  const names = named[subject];
  if (!names) return [FILES];
  try {
    return await names(session);
  } catch (error) {
    // Without an engine there is nothing to name.
    if (error instanceof ProaError) return [];
    throw error;
  }
}
