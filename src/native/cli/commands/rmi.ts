import { defineCommand } from '../command.ts';
import { forEach } from '../each.ts';
import { ApiError } from '../failures.ts';
import { imagePath } from '../images/path.ts';
import { platformOf } from '../images/pull.ts';

interface Removed {
  Untagged?: string;
  Deleted?: string;
}

export const command = defineCommand({
  usage: 'IMAGE [IMAGE...]',
  summary: 'Remove one or more images',
  options: {
    force: { kind: 'flag', short: 'f', help: 'Also where containers use them' },
    'no-prune': { kind: 'flag', help: 'Keep parents without a name' },
    platform: { kind: 'list', help: 'Only these platforms of them' },
  },
  least: 1,
  subject: 'image',

  async run(session, { options, words }) {
    // One after the other: what one of them leaves may be the next one's.
    let status = 0;
    for (const word of words)
      status = Math.max(
        status,
        await forEach(
          session,
          [word],
          async (name) => {
            const query = {
              force: options.force || undefined,
              noprune: options['no-prune'] || undefined,
              platforms: options.platform.map((text) => JSON.stringify(platformOf(text))),
            };
            try {
              const removed = await session.engine.call<Removed[]>('DELETE', imagePath(name), { query });
              for (const { Untagged, Deleted } of removed)
                session.print(Deleted === undefined ? `Untagged: ${Untagged}\n` : `Deleted: ${Deleted}\n`);
            } catch (error) {
              if (!(options.force && error instanceof ApiError && error.status === 404)) throw error;
              session.warn(error.message);
            }
          },
          { printed: () => undefined },
        ),
      );
    return status;
  },
});
