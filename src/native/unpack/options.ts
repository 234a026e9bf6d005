import { ProaError } from '#common/errors.ts';
import { type IdMap, parseIdMap } from './id-map.ts';

export interface UnpackOptions {
  root: string;
  /** `overlay`: the root becomes a lower layer of overlayfs. `apply`: whiteouts delete what earlier layers put there. */
  whiteouts: 'overlay' | 'apply';
  uidMap: IdMap;
  gidMap: IdMap;
  /** Bytes of all files together, holes included. */
  maximumBytes: number;
  maximumEntries: number;
}

const defaultMaximumBytes = 2 ** 40;
const defaultMaximumEntries = 2_000_000;

/** What a command line means, or the text that it asks for. */
export function parseUnpack(words: readonly string[]): UnpackOptions | { text: string } {
  const options: UnpackOptions = {
    root: '',
    whiteouts: 'overlay',
    uidMap: [],
    gidMap: [],
    maximumBytes: defaultMaximumBytes,
    maximumEntries: defaultMaximumEntries,
  };
  for (let at = 1; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '-h' || word === '--help') return { text: help };
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? words[++at] : word.slice(equals + 1);
    if (!known.has(name)) throw usageError(`unknown option "${name}"`);
    if (value === undefined) throw usageError(`option ${name} needs a value`);
    if (name === '--root') options.root = value;
    else if (name === '--whiteouts') {
      if (value !== 'overlay' && value !== 'apply')
        throw usageError(`option ${name}: expected "overlay" or "apply", got "${value}"`);
      options.whiteouts = value;
    } else if (name === '--uid-map') options.uidMap = mapOf(name, value);
    else if (name === '--gid-map') options.gidMap = mapOf(name, value);
    else if (name === '--max-bytes') options.maximumBytes = limit(name, value);
    else options.maximumEntries = limit(name, value);
  }
  if (options.root === '') throw usageError('no directory is given: --root');
  return options;
}

const known = new Set(['--root', '--whiteouts', '--uid-map', '--gid-map', '--max-bytes', '--max-entries']);

function mapOf(name: string, value: string): IdMap {
  const map = parseIdMap(value);
  if (!map) throw usageError(`option ${name}: expected CONTAINER:HOST:COUNT, got "${value}"`);
  return map;
}

function limit(name: string, value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw usageError(`option ${name}: expected a number, got "${value}"`);
  return Number(value);
}

function usageError(message: string): ProaError {
  return new ProaError(message, { kind: 'invalid', remedy: 'See --help for the options' });
}

const help = `Usage: proa-unpack --root DIRECTORY [OPTIONS] < LAYER.tar

Unpacks a layer of an image, a tar archive on standard input, into a directory. Ends with one line of JSON: on standard
output what was unpacked, or on standard error what went wrong.

  --whiteouts overlay   DIRECTORY, which is empty, becomes a lower layer of overlayfs; emptied again after a failure
  --whiteouts apply     DIRECTORY holds earlier layers; whiteouts delete what these put there
  --uid-map C:H:N,…     user ids from C of the archive become ids from H, N of them; ids outside all ranges are refused
  --gid-map C:H:N,…     the same for groups
  --max-bytes N         refuse more bytes of files, holes included (default 2^40)
  --max-entries N       refuse more entries (default 2000000)
`;
