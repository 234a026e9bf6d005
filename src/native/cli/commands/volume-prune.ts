import { defineCommand } from '../command.ts';
import { prune, pruneOptions } from '../prune.ts';

export const command = defineCommand({
  usage: '',
  summary: 'Remove volumes that no container uses',
  options: pruneOptions,
  least: 0,
  most: 0,
  subject: 'nothing',
  run: (session, { options }) =>
    prune(session, {
      path: '/volumes/prune',
      warning: `This will remove ${options.all ? 'all' : 'anonymous'} local volumes not used by at least one container.`,
      force: options.force,
      filters: options.filter,
      ...(options.all && { more: { all: ['true'] } }),
      removed: ({ VolumesDeleted }: { VolumesDeleted: string[] | null }) => ({
        headline: 'Deleted Volumes',
        lines: VolumesDeleted ?? [],
      }),
    }),
});
