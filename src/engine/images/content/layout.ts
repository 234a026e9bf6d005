import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProaError } from '#common/errors.ts';
import { isCode } from './errors.ts';
import { replaceFileDurably } from './files.ts';

const VERSION = '1.0.0';
/** image-spec, image-layout.md, "oci-layout file". */
const FILE = 'oci-layout';

/** Marks a directory as an image layout, unless it is one. */
export async function ensureLayout(root: string): Promise<void> {
  try {
    await checkLayout(root);
  } catch (error) {
    if (!(error instanceof ProaError) || error.kind !== 'not-found') throw error;
    await replaceFileDurably(join(root, FILE), `${JSON.stringify({ imageLayoutVersion: VERSION })}\n`);
  }
}

/** Throws `not-found` for a directory that is no image layout, `unsupported` for one of another version. */
export async function checkLayout(root: string): Promise<void> {
  const path = join(root, FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (!isCode(cause, 'ENOENT')) throw cause;
    throw new ProaError(`"${root}" is no OCI image layout`, { kind: 'not-found', cause });
  }
  const version = /"imageLayoutVersion"\s*:\s*"([^"]*)"/.exec(text)?.[1];
  if (version === VERSION) return;
  throw new ProaError(`"${path}": image layout version ${VERSION} expected, got ${version ?? 'none'}`, {
    kind: 'unsupported',
  });
}
