import { ProaError } from '#common/errors.ts';
import { parseOptions } from '#native/options.ts';
import { writeAll } from '#sys/files.ts';
import { processesOf } from '../cgroups/index.ts';
import type { Context } from '../context.ts';
import { readRecord } from '../state/store.ts';
import { formatOption } from './format.ts';
import { outputOf } from './output-of.ts';

export const usage = 'ps [options] CONTAINER [PS OPTIONS]';
export const options = {
  format: { kind: 'value', short: 'f', help: 'table (what ps prints) or json (process ids); default: table' },
} as const;

export function run(context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  const [id, ...psOptions] = parsed.rest;
  if (!id) throw new ProaError('missing argument: container ID', { kind: 'invalid' });
  const format = formatOption(parsed);
  const record = readRecord(context.root, id);
  const pids = record ? processesOf(record.cgroup) : [];
  if (format === 'json') {
    writeAll(1, `${JSON.stringify(pids)}\n`);
    return 0;
  }
  const text = outputOf('ps', psOptions.length > 0 ? psOptions : ['-ef']);
  writeAll(1, linesOf(text, new Set(pids.map(String))));
  return 0;
}

/** The heading of ps(1), and its lines whose column PID is among `pids`. */
export function linesOf(text: string, pids: ReadonlySet<string>): string {
  const [heading = '', ...lines] = text.split('\n');
  const column = wordsOf(heading).indexOf('PID');
  if (column < 0) {
    throw new ProaError('no column PID in what ps prints', {
      kind: 'invalid',
      remedy: 'Choose options of ps(1) that show process ids, such as -o pid,args',
    });
  }
  const chosen = lines.filter((line) => pids.has(wordsOf(line)[column] ?? ''));
  return [heading, ...chosen, ''].join('\n');
}

function wordsOf(line: string): string[] {
  return line.trim().split(/\s+/);
}
