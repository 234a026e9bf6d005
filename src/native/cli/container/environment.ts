import { ProaError } from '#common/errors.ts';
import { environmentVariable } from '#sys/environment.ts';
import { readText } from '#sys/files.ts';
import { UsageError } from '../failures.ts';

/** Entries from files, then from options; a name alone takes our own variable's value, where there is one. */
export function environmentOf(files: readonly string[], entries: readonly string[]): string[] {
  return [
    ...files.flatMap((file) => linesOf(file, 'env-file').flatMap((line) => fileEntry(file, line))),
    ...entries.map((entry) => {
      if (entry === '' || entry.startsWith('=')) throw new UsageError(`invalid environment variable: ${entry}`);
      const value = entry.includes('=') ? undefined : environmentVariable(entry);
      return value === undefined ? entry : `${entry}=${value}`;
    }),
  ];
}

function fileEntry(file: string, line: string): string[] {
  const equals = line.indexOf('=');
  const name = equals < 0 ? line : line.slice(0, equals);
  if (name === '') throw invalid(file, `no variable name on line '${line}'`);
  if (/\s/.test(name)) throw invalid(file, `variable '${name}' contains whitespaces`);
  if (equals >= 0) return [line];
  const value = environmentVariable(name);
  return value === undefined ? [] : [`${name}=${value}`];
}

/** Labels from files and options: `NAME[=VALUE]`. */
export function labelsOf(files: readonly string[], entries: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const line of [...files.flatMap((file) => linesOf(file, 'label-file')), ...entries]) {
    const equals = line.indexOf('=');
    if (line === '' || equals === 0) throw new UsageError(`invalid label '${line}': empty name`);
    labels[equals < 0 ? line : line.slice(0, equals)] = equals < 0 ? '' : line.slice(equals + 1);
  }
  return labels;
}

/** The lines of a file that are neither empty nor comments. */
function linesOf(file: string, option: string): string[] {
  let text: string;
  try {
    text = readText(file);
  } catch (cause) {
    throw new ProaError(`option --${option}: cannot read "${file}"`, { kind: 'invalid', cause });
  }
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => line.replace(/^\s+/, '').replace(/\r$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function invalid(file: string, why: string): ProaError {
  return new ProaError(`invalid env file (${file}): ${why}`, { kind: 'invalid' });
}
