import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ProaError } from '#common/errors.ts';
import { mayComeBack } from '../containers/life/comes-back.ts';
import { readRecord } from '../containers/record.ts';
import { containersOf } from '../core/places.ts';
import { namesIn } from '../images/content/files.ts';

/** `needed [--state DIRECTORY]`: leaves with 0 when a boot has containers to bring back, and else with 1. Changes nothing. */
export async function tellWhetherNeeded(words: string[]): Promise<void> {
  const root = containersOf(stateOf(words));
  process.exitCode = 1;
  for (const id of await namesIn(root)) {
    const record = await readRecord(join(root, id));
    if (!record || !mayComeBack(record)) continue;
    process.exitCode = 0;
    return;
  }
}

function stateOf(words: string[]): string {
  try {
    return parseArgs({ args: words, options: { state: { type: 'string' } } }).values.state ?? '/var/lib/proa';
  } catch (cause) {
    throw new ProaError('needed', { kind: 'invalid', cause });
  }
}
