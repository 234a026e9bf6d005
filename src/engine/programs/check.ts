import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ProaError } from '#common/errors.ts';
import { findPrograms } from '../core/programs.ts';
import { checkStoreAt, type Finding } from '../images/content/check.ts';
import { ContentStore } from '../images/content/store.ts';
import { checkLayersAt } from '../images/layers/check.ts';

/**
 * `check --state DIRECTORY [--repair]`: looks at the images of an engine that does not run, and at their layers as they are
 * unpacked, and tells what is wrong, a line each. Exit status 1 where something is, and stays so.
 */
export async function checkState(words: string[]): Promise<void> {
  const { state, repair } = optionsOf(words);
  const images = join(state, 'images');
  const findings = await checkStoreAt(images, { repair });
  // Of images that cannot be listed nobody knows the layers.
  if (!findings.some(({ what, digest, mended }) => what === 'unreadable' && digest === 'index.json' && !mended)) {
    using content = await ContentStore.open(images);
    findings.push(...(await checkLayersAt(join(state, 'layers'), { content, programs: findPrograms(), repair })));
  }
  for (const finding of findings) process.stdout.write(`${lineOf(finding)}\n`);
  if (findings.length === 0) process.stdout.write('nothing is wrong\n');
  if (findings.some(({ mended }) => !mended)) process.exitCode = 1;
}

function lineOf({ what, digest, name, detail, mended }: Finding): string {
  const words = [what, digest, name && `of ${name}`, detail && `(${detail})`, mended ? 'mended' : undefined];
  return words.filter(Boolean).join(' ');
}

function optionsOf(words: string[]): { state: string; repair: boolean } {
  try {
    const options = { state: { type: 'string' }, repair: { type: 'boolean', default: false } } as const;
    const { state, repair } = parseArgs({ args: words, options }).values;
    if (state) return { state, repair };
  } catch (cause) {
    throw new ProaError('check', { kind: 'invalid', cause });
  }
  throw new ProaError('check: --state DIRECTORY is missing', { kind: 'invalid' });
}
