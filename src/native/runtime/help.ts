import { optionLines } from '#native/option-lines.ts';
import type { OptionTable } from '#native/options.ts';
import type { Command } from './context.ts';

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
