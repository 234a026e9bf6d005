import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { alignColumns } from '../format/columns.ts';

const MINIMUM_WIDTH = 20;

export const command = defineCommand({
  usage: 'CONTAINER [ps OPTIONS]',
  summary: 'Show the processes of a container',
  options: {},
  least: 1,
  endsOptions: true,
  subject: 'running',

  async run(session, { words: [name = '', ...options] }) {
    const { Titles, Processes } = await session.engine.get<{ Titles: string[]; Processes: string[][] | null }>(
      containerPath(name, 'top'),
      { ps_args: options.length > 0 ? options.join(' ') : undefined },
    );
    const lines = [Titles, ...(Processes ?? [])].map((cells) => cells.join('\t'));
    session.print(`${alignColumns(lines.join('\n'), MINIMUM_WIDTH)}\n`);
    return 0;
  },
});
