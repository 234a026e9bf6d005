import { ProaError } from '#common/errors.ts';
import { windowSize } from '#sys/terminals.ts';
import { defineCommand } from '../command.ts';
import { followProgress } from '../format/progress.ts';
import { platformOf } from '../images/pull.ts';
import { fileSource } from '../streams/files.ts';

export const command = defineCommand({
  usage: '',
  summary: 'Load images from a tar archive',
  options: {
    input: { kind: 'text', short: 'i', help: 'Read from this file, not from standard input' },
    platform: { kind: 'list', help: 'Only these platforms of them' },
    quiet: { kind: 'flag', short: 'q', help: 'Only print names' },
  },
  least: 0,
  most: 0,
  subject: 'file',

  async run(session, { options }) {
    if (options.input === undefined && windowSize(0))
      throw new ProaError('requested load from stdin, but stdin is empty', { kind: 'invalid', remedy: 'Use --input' });
    const quiet = options.quiet || !windowSize(1);
    const { body } = await session.engine.open('POST', '/images/load', {
      query: { quiet, platform: options.platform.map((text) => JSON.stringify(platformOf(text))) },
      source: fileSource(session.loop, options.input),
    });
    await followProgress(session, body, { quiet: false, to: 'stdout' });
    return 0;
  },
});
