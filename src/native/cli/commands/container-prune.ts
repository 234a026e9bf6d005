import { defineCommand } from '../command.ts';
import { prune } from '../prune.ts';

export const command = defineCommand({
  usage: '',
  summary: 'Remove all containers that do not run',
  options: {
    filter: { kind: 'list', help: 'Only those that match (NAME=VALUE)' },
    force: { kind: 'flag', short: 'f', help: 'Do not ask' },
  },
  least: 0,
  most: 0,
  subject: 'nothing',
  run: (session, { options }) =>
    prune(session, {
      path: '/containers/prune',
      warning: 'This will remove all stopped containers.',
      force: options.force,
      filters: options.filter,
      removed: ({ ContainersDeleted }: { ContainersDeleted: string[] | null }) => ({
        headline: 'Deleted Containers',
        lines: ContainersDeleted ?? [],
      }),
    }),
});
