import { defineCommand } from '../command.ts';
import { filterQuery } from '../filters.ts';
import { type Listing, printList } from '../format/listing.ts';

interface Volume {
  Name: string;
  Driver: string;
  Mountpoint: string;
  Scope: string;
  Labels: Record<string, string> | null;
}

const listing: Listing<Volume> = {
  usual: ['Driver', 'Name'],
  label: ({ Labels }, name) => Labels?.[name] ?? '',
  columns: {
    Availability: { header: 'AVAILABILITY', value: () => 'N/A' },
    Driver: { header: 'DRIVER', value: ({ Driver }) => Driver },
    Group: { header: 'GROUP', value: () => 'N/A' },
    Labels: {
      header: 'LABELS',
      value: ({ Labels }) =>
        Object.entries(Labels ?? {})
          .map(([name, value]) => `${name}=${value}`)
          .join(','),
    },
    Links: { header: 'LINKS', value: () => 'N/A' },
    Mountpoint: { header: 'MOUNTPOINT', value: ({ Mountpoint }) => Mountpoint },
    Name: { header: 'VOLUME NAME', value: ({ Name }) => Name },
    Scope: { header: 'SCOPE', value: ({ Scope }) => Scope },
    Size: { header: 'SIZE', value: () => 'N/A' },
    Status: { header: 'STATUS', value: () => 'N/A' },
  },
};

export const command = defineCommand({
  usage: '',
  summary: 'List volumes',
  options: {
    filter: { kind: 'list', short: 'f', help: 'Only those that match (NAME=VALUE)' },
    format: { kind: 'text', help: 'Print by a template, or json' },
    quiet: { kind: 'flag', short: 'q', help: 'Only print names' },
  },
  least: 0,
  most: 0,
  subject: 'nothing',

  async run(session, { options }) {
    const { Volumes } = await session.engine.get<{ Volumes: Volume[] | null }>('/volumes', {
      filters: filterQuery(options.filter),
    });
    const sorted = [...(Volumes ?? [])].sort((a, b) => (a.Name < b.Name ? -1 : 1));
    printList(session, sorted, listing, { format: options.format, quiet: options.quiet ? 'Name' : undefined });
    return 0;
  },
});
