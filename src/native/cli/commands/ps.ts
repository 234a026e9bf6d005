import { decimalSize } from '#common/units/sizes.ts';
import { defineCommand } from '../command.ts';
import { filterQuery } from '../filters.ts';
import { type Listing, printList } from '../format/listing.ts';
import { portsText } from '../format/ports.ts';
import { ago, localTime, shorten, shortId } from '../format/text.ts';

interface Summary {
  Id: string;
  Names: string[] | null;
  Image: string;
  ImageID: string;
  Command: string;
  Created: number;
  State: string;
  Status: string;
  Ports: { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[] | null;
  Labels: Record<string, string> | null;
  SizeRw?: number;
  SizeRootFs?: number;
  NetworkSettings?: { Networks?: Record<string, unknown> | null } | null;
  Mounts: { Name?: string; Source?: string }[] | null;
}

const COMMAND_LENGTH = 20;
const MOUNT_LENGTH = 15;

function listing(complete: boolean): Listing<Summary> {
  return {
    usual: ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names'],
    label: ({ Labels }, name) => Labels?.[name] ?? '',
    columns: {
      Command: {
        header: 'COMMAND',
        value: ({ Command }) => JSON.stringify(complete ? Command : shorten(Command, COMMAND_LENGTH)),
      },
      CreatedAt: { header: 'CREATED AT', value: ({ Created }) => localTime(Created) },
      ID: { header: 'CONTAINER ID', value: ({ Id }) => (complete ? Id : shortId(Id)) },
      Image: { header: 'IMAGE', value: (item) => imageText(item, complete) },
      Labels: {
        header: 'LABELS',
        value: ({ Labels }) =>
          Object.entries(Labels ?? {})
            .map(([name, value]) => `${name}=${value}`)
            .join(','),
      },
      LocalVolumes: {
        header: 'LOCAL VOLUMES',
        value: ({ Mounts }) => String((Mounts ?? []).filter(({ Name }) => Name).length),
      },
      Mounts: { header: 'MOUNTS', value: ({ Mounts }) => mountsText(Mounts ?? [], complete) },
      Names: { header: 'NAMES', value: ({ Names }) => namesText(Names ?? [], complete) },
      Networks: {
        header: 'NETWORKS',
        value: ({ NetworkSettings }) => Object.keys(NetworkSettings?.Networks ?? {}).join(','),
      },
      Platform: { header: 'PLATFORM', value: () => null },
      Ports: { header: 'PORTS', value: ({ Ports }) => portsText(Ports ?? []) },
      RunningFor: { header: 'CREATED', value: ({ Created }) => ago(Created) },
      Size: { header: 'SIZE', value: sizeText },
      State: { header: 'STATE', value: ({ State }) => State },
      Status: { header: 'STATUS', value: ({ Status }) => Status },
    },
  };
}

function sizeText({ SizeRw = 0, SizeRootFs = 0 }: Summary): string {
  const own = decimalSize(SizeRw);
  return SizeRootFs > 0 ? `${own} (virtual ${decimalSize(SizeRootFs)})` : own;
}

/** What it was made of by name; where the name has gone to another image, its id. */
function imageText({ Image, ImageID }: Summary, complete: boolean): string {
  if (Image === '') return '<no image>';
  if (complete) return Image;
  if (Image === ImageID || Image === ImageID.slice('sha256:'.length)) return shortId(Image);
  return Image.replace(/@sha256:[0-9a-f]{64}$/, '');
}

/** Without the names that links give it, which have a second slash. */
function namesText(names: readonly string[], complete: boolean): string {
  const bare = names.map((name) => name.replace(/^\//, ''));
  return (complete ? bare : bare.filter((name) => !name.includes('/'))).join(',');
}

function mountsText(mounts: NonNullable<Summary['Mounts']>, complete: boolean): string {
  return mounts
    .map(({ Name, Source }) => Name || Source || '')
    .map((name) => (complete ? name : shorten(name, MOUNT_LENGTH)))
    .join(',');
}

export const command = defineCommand({
  usage: '',
  summary: 'List containers',
  options: {
    all: { kind: 'flag', short: 'a', help: 'Show all, not only those that run' },
    filter: { kind: 'list', short: 'f', help: 'Only those that match (NAME=VALUE)' },
    format: { kind: 'text', help: 'Print by a template, or json' },
    last: { kind: 'integer', short: 'n', help: 'Show the last so many that were made' },
    latest: { kind: 'flag', short: 'l', help: 'Show the one that was made last' },
    'no-trunc': { kind: 'flag', help: 'Shorten nothing' },
    quiet: { kind: 'flag', short: 'q', help: 'Only print ids' },
    size: { kind: 'flag', short: 's', help: 'Show sizes of files' },
  },
  least: 0,
  most: 0,
  subject: 'nothing',

  async run(session, { options }) {
    const format = options.format;
    const asksSize =
      options.size || (!options.quiet && format !== undefined && /\.Size\b|\bjson \.\s*[}|)]/.test(format));
    const limit = options.latest && options.last === undefined ? 1 : options.last;
    const found = await session.engine.get<Summary[]>('/containers/json', {
      all: options.all || undefined,
      limit: limit !== undefined && limit > 0 ? limit : undefined,
      size: asksSize || undefined,
      filters: filterQuery(options.filter),
    });
    const list = listing(options['no-trunc']);
    const usual = options.size ? [...list.usual, 'Size'] : list.usual;
    printList(session, found, { ...list, usual }, { format, quiet: options.quiet ? 'ID' : undefined });
    return 0;
  },
});
