import { defineCommand } from '../command.ts';
import { becomeEngineProgram } from '../engine-program.ts';
import { stateDirectory } from '../places.ts';

export const command = defineCommand({
  usage: '',
  summary: 'Look for what a crash or a bad disk has left of images',
  options: { repair: { kind: 'flag', help: 'Mend it, as far as that is possible' } },
  least: 0,
  most: 0,
  subject: 'nothing',

  run(_session, { options: { repair } }) {
    return becomeEngineProgram(['check', '--state', stateDirectory(), ...(repair ? ['--repair'] : [])]);
  },
});
