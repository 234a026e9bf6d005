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
  logs: ['logs', 'container logs'],
  create: ['create', 'container create'],
  start: ['start', 'container start'],
  stop: ['stop', 'container stop'],
  restart: ['restart', 'container restart'],
  kill: ['kill', 'container kill'],
  rm: ['rm', 'container rm', 'container remove'],
  attach: ['attach', 'container attach'],
  wait: ['wait', 'container wait'],
  cp: ['cp', 'container cp'],
  top: ['top', 'container top'],
  stats: ['stats', 'container stats'],
  pause: ['pause', 'container pause'],
  unpause: ['unpause', 'container unpause'],
  rename: ['rename', 'container rename'],
  update: ['update', 'container update'],
  diff: ['diff', 'container diff'],
  commit: ['commit', 'container commit'],
  port: ['port', 'container port'],
  export: ['export', 'container export'],
  inspect: ['inspect'],
  images: ['images', 'image ls', 'image list'],
  pull: ['pull', 'image pull'],
  push: ['push', 'image push'],
  tag: ['tag', 'image tag'],
  rmi: ['rmi', 'image rm', 'image remove'],
  history: ['history', 'image history'],
  save: ['save', 'image save'],
  load: ['load', 'image load'],
  import: ['import', 'image import'],
  events: ['events', 'system events'],
  info: ['info', 'system info'],
  version: ['version'],
  'system-check': ['system check'],
  'registry-serve': ['registry serve'],
  completion: ['completion'],
  'container-inspect': ['container inspect'],
  'container-prune': ['container prune'],
  'image-copy': ['image copy'],
  'image-inspect': ['image inspect'],
  'image-prune': ['image prune'],
  'image-referrers': ['image referrers'],
  'volume-create': ['volume create'],
  'volume-inspect': ['volume inspect'],
  'volume-ls': ['volume ls', 'volume list'],
  'volume-prune': ['volume prune'],
  'volume-rm': ['volume rm', 'volume remove'],
};

/** What help says of the words that commands stand behind. */
export const groups: Record<string, string> = {
  container: 'Manage containers',
  image: 'Manage images',
  volume: 'Manage volumes',
  system: 'Manage the engine',
  registry: 'Manage a registry of images',
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
