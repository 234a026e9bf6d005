import { decimalSize } from '#common/units/sizes.ts';
import { defineCommand } from '../command.ts';
import { type Listing, printList } from '../format/listing.ts';
import { ago, shorten, shortId } from '../format/text.ts';
import { imagePath } from '../images/path.ts';
import { platformOf } from '../images/pull.ts';

interface Step {
  Id: string;
  Created: number;
  CreatedBy: string;
  Size: number;
  Comment: string;
}

const COMMAND_LENGTH = 45;

function listing({ complete, human }: { complete: boolean; human: boolean }): Listing<Step> {
  const created = (seconds: number) => new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    usual: ['ID', 'CreatedSince', 'CreatedBy', 'Size', 'Comment'],
    columns: {
      Comment: { header: 'COMMENT', value: ({ Comment }) => Comment },
      CreatedAt: { header: 'CREATED AT', value: ({ Created }) => created(Created) },
      CreatedBy: {
        header: 'CREATED BY',
        value: ({ CreatedBy }) => {
          const text = CreatedBy.replaceAll('\t', ' ');
          return complete ? text : shorten(text, COMMAND_LENGTH);
        },
      },
      CreatedSince: {
        header: human ? 'CREATED' : 'CREATED AT',
        value: ({ Created }) => {
          if (!human) return created(Created);
          return Created > 0 ? ago(Created) : 'N/A';
        },
      },
      ID: { header: 'IMAGE', value: ({ Id }) => (complete ? Id : shortId(Id)) },
      Size: { header: 'SIZE', value: ({ Size }) => (human ? decimalSize(Size) : String(Size)) },
    },
  };
}

export const command = defineCommand({
  usage: 'IMAGE',
  summary: 'Show how an image was made',
  options: {
    format: { kind: 'text', help: 'Print by a template, or json' },
    human: { kind: 'flag', short: 'H', help: 'Sizes and dates for people', default: true },
    'no-trunc': { kind: 'flag', help: 'Shorten nothing' },
    platform: { kind: 'text', help: 'This platform of it' },
    quiet: { kind: 'flag', short: 'q', help: 'Only print ids' },
  },
  least: 1,
  most: 1,
  subject: 'image',

  async run(session, { options, words: [image = ''] }) {
    const steps = await session.engine.get<Step[]>(imagePath(image, 'history'), {
      platform: options.platform && JSON.stringify(platformOf(options.platform)),
    });
    const list = listing({ complete: options['no-trunc'], human: options.human });
    printList(session, steps, list, { format: options.format, quiet: options.quiet ? 'ID' : undefined });
    return 0;
  },
});
