import { createHash } from 'node:crypto';
import { ProaError } from '#common/errors.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { type Digest, isVerifiable, partsOf } from '../reference/digest.ts';

/** The same bytes, up to the last piece: that comes only when all of them are what the descriptor says. */
export async function* verified(
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (!isVerifiable(digest as Digest))
    throw new ProaError(`content ${digest} cannot be verified: its algorithm is not known here`, {
      kind: 'unsupported',
    });
  const { algorithm, hex } = partsOf(digest as Digest);
  const hash = createHash(algorithm);
  let length = 0;
  let last: Uint8Array | undefined;
  for await (const chunk of chunks) {
    hash.update(chunk);
    length += chunk.length;
    if (length > size) break;
    if (last) yield last;
    last = chunk;
  }
  const found = hash.digest('hex');
  if (length !== size || found !== hex)
    throw new ProaError(`content does not match its digest: expected ${digest}, got ${algorithm}:${found}`, {
      kind: 'invalid',
      remedy: 'Fetch it again; when that does not help, the source is corrupt',
    });
  if (last) yield last;
}
