import { createHash } from 'node:crypto';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ProaError } from '#common/errors.ts';
import type { Compression } from '#common/image-spec/media-types.ts';
import type { IdMapping } from '#common/runtime-spec/types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { decompress } from '../compression/decompress.ts';
import type { Digest } from '../reference/digest.ts';
import { startTool } from './tool.ts';

export interface PackedLayer {
  /** Of the layer as it is unpacked: image-spec, config.md, "diff_ids". */
  diffId: Digest;
  compression: Compression;
  /** As it came, verified. */
  input: Readable;
}

/** Whose ids the files of a layer have on the host: of a user namespace, as the runtime specification writes it. */
export interface IdMappings {
  uid: readonly IdMapping[];
  gid: readonly IdMapping[];
}

export interface UnpackOptions {
  /** The program proa-unpack. */
  program: string;
  /** Whose ids files get: those of the layer when absent. */
  mappings?: IdMappings | undefined;
  onProgress?(bytes: number): void;
}

/**
 * Unpacks a layer into an empty directory, with the whiteouts of overlay. What was unpacked is only the layer when this
 * returns: its digest is known at its end. After a failure the directory holds what had come.
 */
export async function unpackLayer(
  { diffId, input, compression }: PackedLayer,
  directory: string,
  { program, mappings, onProgress = () => {} }: UnpackOptions,
): Promise<void> {
  const { output, done } = decompress(input, compression);
  const hash = createHash('sha256');
  let bytes = 0;
  const hashing = new Transform({
    highWaterMark: 1 << 20,
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      bytes += chunk.length;
      onProgress(bytes);
      next(null, chunk);
    },
  });
  const { child, ended } = startTool(program, ['--root', directory, ...mapWords(mappings)], `layer ${diffId}`);
  child.stdout.resume();
  const fed = pipeline(output, hashing, child.stdin);
  // The first of them that knows what was wrong tells it: the others only see that a pipe has broken.
  await allSettled([done, ended, fed]);
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest === diffId) return;
  throw new ProaError(`the layer is not what the configuration says: its digest is ${digest}, expected ${diffId}`, {
    kind: 'invalid',
  });
}

function mapWords(mappings: IdMappings | undefined): string[] {
  const text = (map: IdMappings['uid']) =>
    map.map(({ containerID, hostID, size }) => `${containerID}:${hostID}:${size}`).join(',');
  return mappings ? ['--uid-map', text(mappings.uid), '--gid-map', text(mappings.gid)] : [];
}

/** Who is root inside. Throws `invalid` where nobody is. */
export function mappedRoot(map: readonly IdMapping[]): number {
  const range = map.find(({ containerID }) => containerID === 0);
  if (range) return range.hostID;
  throw new ProaError('the mappings of ids hold none for 0, which owns most of every image', { kind: 'invalid' });
}
