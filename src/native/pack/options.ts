import { ProaError } from '#common/errors.ts';
import { optionLines } from '#native/option-lines.ts';
import { countOption, type OptionTable, parseOptionsAlone } from '#native/options.ts';
import { type IdMap, idMapOption } from '#native/unpack/id-map.ts';

export interface PackOptions {
  upper: string;
  /** Layers below, the uppermost first. */
  lower: string[];
  /** A file that was last written when `upper` became a copy of the layers below, in place of an upper directory. */
  copied: string | undefined;
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

const table: OptionTable = {
  upper: { kind: 'value', value: 'DIRECTORY', help: 'the upper directory of an overlay' },
  lower: {
    kind: 'value',
    value: 'DIRECTORY',
    help: 'a layer below, the uppermost first; for --list, --merged and --copied',
  },
  copied: {
    kind: 'value',
    value: 'FILE',
    help: 'the upper directory is that of no overlay but was a copy of the layers below when FILE was last written: what has changed since then',
  },
  'clamp-time': { kind: 'value', value: 'SECONDS', help: 'later times of change become this one, since 1970' },
  'uid-map': {
    kind: 'value',
    value: 'C:H:N,…',
    help: 'user ids from H on the host are ids from C in the layer, N of them',
  },
  'gid-map': { kind: 'value', value: 'C:H:N,…', help: 'the same for groups' },
  merged: { kind: 'flag', help: 'pack all that upper and lower directories show together' },
  'root-too': { kind: 'flag', help: 'begin with an entry for the root itself' },
  list: { kind: 'flag', help: 'print what is changed, a line of JSON each: A added, C changed, D deleted' },
  help: { kind: 'flag', short: 'h', help: 'print this' },
};

/** What a command line means, or the text that it asks for. */
export function parsePack(words: readonly string[]): PackOptions | { text: string } {
  const parsed = parseOptionsAlone(table, words.slice(1));
  if (parsed.flags.has('help')) return { text: help + optionLines(table) };
  const { upper } = parsed.values;
  if (!upper)
    throw new ProaError('no directory is given: --upper', { kind: 'invalid', remedy: 'See --help for the options' });
  const list = parsed.flags.has('list');
  const merged = parsed.flags.has('merged');
  if (list && merged)
    throw new ProaError('--list and --merged exclude each other', { kind: 'invalid', remedy: 'Choose one' });
  const { copied } = parsed.values;
  if (copied !== undefined && merged)
    throw new ProaError('--copied and --merged exclude each other', { kind: 'invalid', remedy: 'Choose one' });
  const clamped = parsed.values['clamp-time'] !== undefined;
  return {
    upper,
    lower: parsed.lists['lower'] ?? [],
    clampSeconds: clamped ? countOption(parsed, 'clamp-time', { digits: 12 }) : undefined,
    uidMap: idMapOption(parsed, 'uid-map'),
    gidMap: idMapOption(parsed, 'gid-map'),
    list,
    merged,
    copied,
    rootToo: parsed.flags.has('root-too'),
  };
}

const help = `Usage: proa-pack --upper DIRECTORY [OPTIONS] > LAYER.tar

Packs the upper directory of an overlay, or what a copy of layers has otherwise than they, as a layer of an image, always the same bytes for the same files.

`;
