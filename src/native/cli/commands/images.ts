import { decimalSize } from '#common/units/sizes.ts';
import { defineCommand } from '../command.ts';
import { filterQuery } from '../filters.ts';
import { type Listing, printList } from '../format/listing.ts';
import { ago, localTime, shortId } from '../format/text.ts';
import { splitTag } from '../images/reference.ts';

interface Summary {
  Id: string;
  RepoTags: string[] | null;
  RepoDigests: string[] | null;
  Created: number;
  Size: number;
  SharedSize: number;
  Containers: number;
}

/** One name of an image. */
interface Row {
  image: Summary;
  repository: string;
  tag: string;
  digest: string;
}

const NONE = '<none>';

function listing(complete: boolean): Listing<Row> {
  const unknown = (value: number) => (value < 0 ? 'N/A' : decimalSize(value));
  return {
    usual: ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size'],
    columns: {
      Containers: {
        header: 'CONTAINERS',
        value: ({ image }) => (image.Containers < 0 ? 'N/A' : String(image.Containers)),
      },
      CreatedAt: { header: 'CREATED AT', value: ({ image }) => localTime(image.Created) },
      CreatedSince: { header: 'CREATED', value: ({ image }) => (image.Created > 0 ? ago(image.Created) : 'N/A') },
      Digest: { header: 'DIGEST', value: ({ digest }) => digest },
      ID: { header: 'IMAGE ID', value: ({ image }) => (complete ? image.Id : shortId(image.Id)) },
      Repository: { header: 'REPOSITORY', value: ({ repository }) => repository },
      SharedSize: { header: 'SHARED SIZE', value: ({ image }) => unknown(image.SharedSize) },
      Size: { header: 'SIZE', value: ({ image }) => decimalSize(image.Size) },
      Tag: { header: 'TAG', value: ({ tag }) => tag },
      UniqueSize: {
        header: 'UNIQUE SIZE',
        value: ({ image }) => (image.SharedSize < 0 ? 'N/A' : decimalSize(image.Size - image.SharedSize)),
      },
      VirtualSize: { header: 'SIZE', value: ({ image }) => decimalSize(image.Size, 4) },
    },
  };
}

/** A row for each name; with `digests`, for each digest of its repository too. */
function rowsOf(image: Summary, digests: boolean): Row[] {
  const tags = (image.RepoTags ?? []).filter((name) => name !== `${NONE}:${NONE}`).map(splitTag);
  const known = (image.RepoDigests ?? []).map(splitTag).filter(({ tag }) => tag.includes(':'));
  const rows: Row[] = tags.flatMap(({ name, tag }) => {
    const own = digests ? known.filter((digest) => digest.name === name) : [];
    return (own.length > 0 ? own.map(({ tag: text }) => text) : [NONE]).map((digest) => ({
      image,
      repository: name,
      tag,
      digest,
    }));
  });
  for (const { name, tag } of known)
    if (tags.every((other) => other.name !== name))
      rows.push({ image, repository: name, tag: NONE, digest: digests ? tag : NONE });
  return rows.length > 0 ? rows : [{ image, repository: NONE, tag: NONE, digest: NONE }];
}

export const command = defineCommand({
  usage: '[REPOSITORY[:TAG]]',
  summary: 'List images',
  options: {
    all: { kind: 'flag', short: 'a', help: 'Show those between others too' },
    digests: { kind: 'flag', help: 'Show digests' },
    filter: { kind: 'list', short: 'f', help: 'Only those that match (NAME=VALUE)' },
    format: { kind: 'text', help: 'Print by a template, or json' },
    'no-trunc': { kind: 'flag', help: 'Shorten nothing' },
    quiet: { kind: 'flag', short: 'q', help: 'Only print ids' },
  },
  least: 0,
  most: 1,
  subject: 'image',

  async run(session, { options, words: [reference] }) {
    const images = await session.engine.get<Summary[]>('/images/json', {
      all: options.all || undefined,
      filters: filterQuery(options.filter, reference === undefined ? {} : { reference: [reference] }),
    });
    const isDangling = options.filter.some((text) => /^dangling=(true|1)$/i.test(text));
    const digests = options.digests || /\.Digest\b/.test(options.format ?? '');
    const rows = images.flatMap((image) =>
      isDangling ? [{ image, repository: NONE, tag: NONE, digest: NONE }] : rowsOf(image, digests),
    );
    const list = listing(options['no-trunc']);
    const usual = options.digests ? ['Repository', 'Tag', 'Digest', 'ID', 'CreatedSince', 'Size'] : list.usual;
    printList(session, rows, { ...list, usual }, { format: options.format, quiet: options.quiet ? 'ID' : undefined });
    return 0;
  },
});
