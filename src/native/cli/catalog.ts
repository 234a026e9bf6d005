import { lazy } from '#common/lazy.ts';
import type { Command } from './command.ts';
import * as exec from './commands/exec.ts';
import * as ps from './commands/ps.ts';
import * as run from './commands/run.ts';

interface CommandModule {
  command: Command;
}

/** What is asked for most is here already; the code of the others is loaded when they are called. */
const present: Record<string, CommandModule> = { run, exec, ps };

/** Each command's file in commands/, and the names that it is called by; help shows the first. */
const names: Record<string, readonly string[]> = {
  run: ['run', 'container run'],
  exec: ['exec', 'container exec'],
  ps: ['ps', 'container ls', 'container list', 'container ps'],
  version: ['version'],
};

/** What help says of the words that commands stand behind. */
export const groups: Record<string, string> = {
  container: 'Manage containers',
  image: 'Manage images',
  volume: 'Manage volumes',
  system: 'Manage the engine',
};

export interface Entry {
  /** The names of the command; the first is its own. */
  names: readonly string[];
  load(): Command;
}

export function catalog(): Entry[] {
  return Object.keys(names).map(entryOf);
}

function entryOf(file: string): Entry {
  return {
    names: names[file] ?? [],
    load: () => (present[file] ?? lazy<CommandModule>(`cli-${file}`)()).command,
  };
}

/** The command that the first word, or the first two, name; how many words that are. */
export function findCommand(words: readonly string[]): (Entry & { name: string; length: number }) | undefined {
  const [first = '', second] = words;
  const length = Object.hasOwn(groups, first) ? 2 : 1;
  const name = length === 2 ? `${first} ${second ?? ''}` : first;
  const file = Object.keys(names).find((key) => names[key]?.includes(name));
  return file === undefined ? undefined : { ...entryOf(file), name, length };
}
