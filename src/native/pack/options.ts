import { ProaError } from '#common/errors.ts';
import { type IdMap, parseIdMap } from '#native/unpack/id-map.ts';

export interface PackOptions {
  upper: string;
  /** Layers below, the uppermost first. */
  lower: string[];
  /** Later times become this one: seconds since 1970. */
  clampSeconds: number | undefined;
  uidMap: IdMap;
  gidMap: IdMap;
  /** Changes as JSON in place of a layer. */
  list: boolean;
  /** All that upper directory and layers below show together, in place of what the upper one changes. */
  merged: boolean;
  /** With an entry for the root itself. */
  rootToo: boolean;
}

/** What a command line means, or the text that it asks for. */
export function parsePack(words: readonly string[]): PackOptions | { text: string } {
  const options: PackOptions = {
    upper: '',
    lower: [],
    clampSeconds: undefined,
    uidMap: [],
    gidMap: [],
    list: false,
    merged: false,
    rootToo: false,
  };
  for (let at = 1; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '-h' || word === '--help') return { text: help };
    const flag = flags[word];
    if (flag) {
      options[flag] = true;
      continue;
    }
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? words[++at] : word.slice(equals + 1);
    if (!known.has(name)) throw usageError(`unknown option "${name}"`);
    if (value === undefined) throw usageError(`option ${name} needs a value`);
    if (name === '--upper') options.upper = value;
    else if (name === '--lower') options.lower.push(value);
    else if (name === '--uid-map') options.uidMap = mapOf(name, value);
    else if (name === '--gid-map') options.gidMap = mapOf(name, value);
    else if (/^\d{1,12}$/.test(value)) options.clampSeconds = Number(value);
    else throw usageError(`option ${name}: expected seconds since 1970, got "${value}"`);
  }
  if (options.upper === '') throw usageError('no directory is given: --upper');
  if (options.list && options.merged) throw usageError('--list and --merged exclude each other');
  return options;
}

const flags: { readonly [word: string]: 'list' | 'merged' | 'rootToo' } = {
  '--list': 'list',
  '--merged': 'merged',
  '--root-too': 'rootToo',
};

const known = new Set(['--upper', '--lower', '--clamp-time', '--uid-map', '--gid-map']);

function mapOf(name: string, value: string): IdMap {
  const map = parseIdMap(value);
  if (!map) throw usageError(`option ${name}: expected CONTAINER:HOST:COUNT, got "${value}"`);
  return map;
}

function usageError(message: string): ProaError {
  return new ProaError(message, { kind: 'invalid', remedy: 'See --help for the options' });
}

const help = `Usage: proa-pack --upper DIRECTORY [OPTIONS] > LAYER.tar

Packs the upper directory of an overlay as a layer of an image, always the same bytes for the same files.

  --lower DIRECTORY     a layer below, the uppermost first; for --list and --merged
  --clamp-time SECONDS  later times of change become this one
  --uid-map C:H:N,…     user ids from H on the host are ids from C in the layer, N of them
  --gid-map C:H:N,…     the same for groups
  --merged              pack all that upper and lower directories show together
  --root-too            begin with an entry for the root itself
  --list                print what is changed, a line of JSON each: A added, C changed, D deleted
`;
