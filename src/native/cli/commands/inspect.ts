import { defineCommand } from '../command.ts';
import { UsageError } from '../failures.ts';
import { inspectAll, type ObjectKind } from '../inspect.ts';

const kinds: readonly ObjectKind[] = ['container', 'image', 'volume', 'network'];

export const command = defineCommand({
  usage: 'NAME|ID [NAME|ID...]',
  summary: 'Show all that is known of containers, images, volumes',
  options: {
    format: { kind: 'text', short: 'f', help: 'Print by a template, or json' },
    size: { kind: 'flag', short: 's', help: 'Show sizes of files of containers' },
    type: { kind: 'text', help: 'Only objects of this kind', words: kinds },
  },
  least: 1,
  subject: 'container',

  async run(session, { options, words }) {
    const type = options.type as ObjectKind | undefined;
    if (type !== undefined && !kinds.includes(type))
      throw new UsageError(
        `invalid argument ${JSON.stringify(type)} for "--type" flag: expected ${kinds.join(', ')}`,
        1,
      );
    return inspectAll(session, words, {
      kinds: type ? [type] : kinds,
      what: type ?? 'object',
      format: options.format,
      size: options.size,
    });
  },
});
