import { ProaError } from '#common/errors.ts';
import type { Compression } from '#common/image-spec/media-types.ts';
import { optionLines } from '#native/option-lines.ts';
import { countOption, type OptionTable, parseOptionsAlone } from '#native/options.ts';
import { type IdMap, idMapOption } from './id-map.ts';

export interface UnpackOptions {
  root: string;
  /**
   * `overlay`: the root becomes a lower layer of overlayfs. `apply`: whiteouts delete what earlier layers put there.
   * `none`: they stay files, as they are in the archive.
   */
  whiteouts: 'overlay' | 'apply' | 'none';
  compression: Compression;
  /** Whether the result shall have the digest of the archive. */
  digest: boolean;
  /** Whether standard output shall tell of bytes meanwhile. */
  progress: boolean;
  /** A descriptor that tells how much of standard input there is: Growth. */
  grows: number | undefined;
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
    value: 'overlay|apply|none',
    help: 'overlay (default): DIRECTORY, which is empty, becomes a lower layer of overlayfs; emptied again after a failure. apply: it holds earlier layers, and whiteouts delete what these put there. none: they stay files, as in the archive; DIRECTORY as with overlay',
  },
  compression: {
    kind: 'value',
    value: 'none|gzip|zstd',
    help: 'how standard input is compressed (default: none)',
  },
  digest: { kind: 'flag', help: 'tell the SHA-256 digest of the archive, decompressed' },
  progress: { kind: 'flag', help: 'print a line with the number of bytes of the archive, every few mebibytes' },
  grows: {
    kind: 'value',
    value: 'FD',
    help: 'standard input is a file that is still written: each line on FD says how many bytes of it are there, "end" that no more will come. Unpacking is given up when FD is closed before it has ended',
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
  const { root, whiteouts = 'overlay', compression = 'none' } = parsed.values;
  if (!root)
    throw new ProaError('no directory is given: --root', { kind: 'invalid', remedy: 'See --help for the options' });
  if (whiteouts !== 'overlay' && whiteouts !== 'apply' && whiteouts !== 'none')
    throw new ProaError(`option --whiteouts: expected "overlay", "apply" or "none", got "${whiteouts}"`, {
      kind: 'invalid',
    });
  if (compression !== 'none' && compression !== 'gzip' && compression !== 'zstd')
    throw new ProaError(`option --compression: expected "none", "gzip" or "zstd", got "${compression}"`, {
      kind: 'invalid',
    });
  return {
    root,
    whiteouts,
    compression,
    digest: parsed.flags.has('digest'),
    progress: parsed.flags.has('progress'),
    grows: parsed.values['grows'] === undefined ? undefined : countOption(parsed, 'grows', { digits: 6 }),
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
