import { defineCommand } from '../command.ts';
import { prune, pruneOptions } from '../prune.ts';

interface Answer {
  ImagesDeleted: { Untagged?: string; Deleted?: string }[] | null;
}

export const command = defineCommand({
  usage: '',
  summary: 'Remove images that nothing uses',
  options: pruneOptions,
  least: 0,
  most: 0,
  subject: 'nothing',
  run: (session, { options }) =>
    prune(session, {
      path: '/images/prune',
      warning: options.all
        ? 'This will remove all images without at least one container associated to them.'
        : 'This will remove all dangling images.',
      force: options.force,
      filters: options.filter,
      more: { dangling: [options.all ? 'false' : 'true'] },
      removed: ({ ImagesDeleted }: Answer) => ({
        headline: 'Deleted Images',
        lines: (ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
          Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
        ),
      }),
    }),
});
