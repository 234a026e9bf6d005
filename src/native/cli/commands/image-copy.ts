import { defineCommand } from '../command.ts';
import { becomeEngineProgram } from '../engine-program.ts';

export const command = defineCommand({
  usage: 'FROM TO',
  summary: 'Copy an image between registries and directories (oci:PATH[:NAME])',
  options: { platform: { kind: 'text', help: 'Of several, the one for OS/ARCHITECTURE[/VARIANT]' } },
  least: 2,
  most: 2,
  subject: 'image',

  run(_session, { options: { platform }, words }) {
    return becomeEngineProgram(['copy', ...(platform === undefined ? [] : ['--platform', platform]), '--', ...words]);
  },
});
