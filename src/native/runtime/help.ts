import type { Command } from './context.ts';
import type { OptionTable } from './options.ts';

function optionLines(table: OptionTable): string {
  return Object.entries(table)
    .map(
      ([name, { kind, short, help }]) =>
        `  ${`--${name}${short ? `, -${short}` : ''}${kind === 'flag' ? '' : ' VALUE'}`.padEnd(32)} ${help}\n`,
    )
    .join('');
}

export function helpText(globals: OptionTable, commands: Record<string, () => Command>): string {
  const verbs = Object.values(commands)
    .map((command) => `  ${command().usage}\n`)
    .join('');
  return `Usage: proa-runtime [global options] COMMAND [options] [arguments]\n\nCommands:\n${verbs}\nGlobal options:\n${optionLines(globals)}`;
}

export function commandHelp({ usage, options }: Command): string {
  const lines = optionLines(options);
  return `Usage: proa-runtime ${usage}\n${lines === '' ? '' : `\nOptions:\n${lines}`}`;
}
