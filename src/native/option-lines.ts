import type { OptionTable } from './options.ts';

/** What a program's help says of its options. */
export function optionLines(table: OptionTable): string {
  return Object.entries(table)
    .map(([name, { kind, short, value = 'VALUE', help }]) => {
      const words = `--${name}${short ? `, -${short}` : ''}${kind === 'flag' ? '' : ` ${value}`}`;
      return `  ${words.padEnd(32)} ${help}\n`;
    })
    .join('');
}
