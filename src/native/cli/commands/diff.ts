import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';

const kinds = ['C', 'A', 'D'];

export const command = defineCommand({
  usage: 'CONTAINER',
  summary: 'List what a container has changed in its files',
  options: {},
  least: 1,
  most: 1,
  subject: 'container',

  async run(session, { words: [name = ''] }) {
    const changes = await session.engine.get<{ Path: string; Kind: number }[] | null>(containerPath(name, 'changes'));
    session.print((changes ?? []).map(({ Path, Kind }) => `${kinds[Kind]} ${Path}\n`).join(''));
    return 0;
  },
});
