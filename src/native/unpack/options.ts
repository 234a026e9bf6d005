import { ProaError } from '#common/errors.ts';
import { optionLines } from '#native/option-lines.ts';
import { countOption, type OptionTable, parseOptionsAlone } from '#native/options.ts';
import { type IdMap, idMapOption } from './id-map.ts';

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

const table: OptionTable = {
  root: { kind: 'value', value: 'DIRECTORY', help: 'where to unpack' },
  whiteouts: {
    kind: 'value',
    value: 'overlay|apply',
    help: 'overlay (default): DIRECTORY, which is empty, becomes a lower layer of overlayfs; emptied again after a failure. apply: it holds earlier layers, and whiteouts delete what these put there',
  },
  'uid-map': {
    kind: 'value',
    value: 'C:H:N,…',
    help: 'user ids from C of the archive become ids from H, N of them; ids outside all ranges are refused',
  },
  'gid-map': { kind: 'value', value: 'C:H:N,…', help: 'the same for groups' },
  'max-bytes': { kind: 'value', value: 'N', help: 'refuse more bytes of files, holes included (default: 2^40)' },
  'max-entries': { kind: 'value', value: 'N', help: `refuse more entries (default: ${defaultMaximumEntries})` },
  help: { kind: 'flag', short: 'h', help: 'print this' },
};

/** What a command line means, or the text that it asks for. */
export function parseUnpack(words: readonly string[]): UnpackOptions | { text: string } {
  const parsed = parseOptionsAlone(table, words.slice(1));
  if (parsed.flags.has('help')) return { text: help + optionLines(table) };
  const { root, whiteouts = 'overlay' } = parsed.values;
  if (!root)
    throw new ProaError('no directory is given: --root', { kind: 'invalid', remedy: 'See --help for the options' });
  if (whiteouts !== 'overlay' && whiteouts !== 'apply')
    throw new ProaError(`option --whiteouts: expected "overlay" or "apply", got "${whiteouts}"`, { kind: 'invalid' });
  return {
    root,
    whiteouts,
    uidMap: idMapOption(parsed, 'uid-map'),
    gidMap: idMapOption(parsed, 'gid-map'),
    maximumBytes: countOption(parsed, 'max-bytes', { fallback: defaultMaximumBytes, digits: 15 }),
    maximumEntries: countOption(parsed, 'max-entries', { fallback: defaultMaximumEntries, digits: 15 }),
  };
}

const help = `Usage: proa-unpack --root DIRECTORY [OPTIONS] < LAYER.tar

Unpacks a layer of an image, a tar archive on standard input, into a directory. Ends with one line of JSON: on standard
output what was unpacked, or on standard error what went wrong.

`;
