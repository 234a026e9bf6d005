import { writeAll } from '#sys/files.ts';
import { catalog, type Entry, findCommand, groups } from './catalog.ts';
import type { Command, Option, Options } from './command.ts';
import { globalOptions } from './globals.ts';

/** Says what there is: everything, a group, or one command. The exit status. */
export function showHelp(words: readonly string[]): number {
  const found = findCommand(words);
  if (found) writeAll(1, commandHelp(found, found.load()));
  else if (words.length === 0) writeAll(1, overview());
  else if (words.length === 1 && Object.hasOwn(groups, words[0] as string)) writeAll(1, groupHelp(words[0] as string));
  else {
    writeAll(2, `proa: unknown help topic: ${words.join(' ')}\n`);
    return 1;
  }
  return 0;
}

function overview(): string {
  const commands = catalog().filter(({ names }) => !names[0]?.includes(' '));
  return [
    'Usage:  proa [OPTIONS] COMMAND\n\nA complete container stack\n\nCommands:\n',
    ...commands.map((entry) => row(entry.names[0] as string, entry.load().summary)),
    '\nManagement Commands:\n',
    ...Object.entries(groups).map(([name, summary]) => row(name, summary)),
    '\nGlobal Options:\n',
    ...optionRows(globalOptions),
    "\nRun 'proa COMMAND --help' for more information on a command.\n",
  ].join('');
}

function groupHelp(group: string): string {
  const prefix = `${group} `;
  const commands = catalog().flatMap((entry) => {
    const name = entry.names.find((text) => text.startsWith(prefix));
    return name === undefined ? [] : [row(name.slice(prefix.length), entry.load().summary)];
  });
  return [
    `Usage:  proa ${group} COMMAND\n\n${groups[group]}\n\nCommands:\n`,
    ...commands.sort(),
    `\nRun 'proa ${group} COMMAND --help' for more information on a command.\n`,
  ].join('');
}

export function commandHelp({ names }: Pick<Entry, 'names'>, { usage, summary, options }: Command): string {
  const rows = optionRows(options);
  return [
    `Usage:  proa ${names[0]}${rows.length > 0 ? ' [OPTIONS]' : ''}${usage === '' ? '' : ` ${usage}`}\n\n${summary}\n`,
    ...(names.length > 1 ? [`\nAliases:\n  ${names.map((name) => `proa ${name}`).join(', ')}\n`] : []),
    ...(rows.length > 0 ? ['\nOptions:\n', ...rows] : []),
  ].join('');
}

function optionRows(options: Options): string[] {
  return Object.keys(options)
    .sort()
    .map((name) => {
      const option = options[name] as Option;
      const value = option.kind === 'flag' ? '' : ` ${option.kind === 'text' ? 'string' : option.kind}`;
      const fallback = option.default === undefined ? '' : ` (default ${JSON.stringify(option.default)})`;
      return row(`${option.short ? `-${option.short},` : '   '} --${name}${value}`, option.help + fallback);
    });
}

function row(left: string, right: string): string {
  return left.length < 28 ? `  ${left.padEnd(28)} ${right}\n` : `  ${left}\n${' '.repeat(31)}${right}\n`;
}
