import { defineCommand } from '../command.ts';
import { becomeEngineProgram } from '../engine-program.ts';

export const command = defineCommand({
  usage: 'NAME',
  summary: 'List what a registry keeps of an image beside it, such as signatures',
  options: {
    'artifact-type': { kind: 'text', help: 'Those of one type' },
    platform: { kind: 'text', help: 'Of an image for several, those of the one for OS/ARCHITECTURE[/VARIANT]' },
    format: { kind: 'text', help: 'table (default), or json: the index as the registry gives it' },
  },
  least: 1,
  most: 1,
  subject: 'image',

  run(_session, { options, words }) {
    const given = (['artifact-type', 'platform', 'format'] as const).flatMap((name) =>
      options[name] === undefined ? [] : [`--${name}`, options[name]],
    );
    return becomeEngineProgram(['referrers', ...given, '--', ...words]);
  },
});
