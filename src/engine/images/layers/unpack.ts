import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type FailureKind, ProaError } from '#common/errors.ts';
import type { Compression } from '#common/image-spec/media-types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { decompress } from '../compression/decompress.ts';
import type { Digest } from '../reference/digest.ts';

export interface PackedLayer {
  /** Of the layer as it is unpacked: image-spec, config.md, "diff_ids". */
  diffId: Digest;
  /** A file that holds it as it came, verified. */
  path: string;
  compression: Compression;
}

export interface UnpackOptions {
  /** The program proa-unpack. */
  program: string;
  onProgress?(bytes: number): void;
}

/**
 * Unpacks a layer into an empty directory, with the whiteouts of overlay. What was unpacked is only the layer when this
 * returns: its digest is known at its end. After a failure the directory holds what had come.
 */
export async function unpackLayer(
  { diffId, path, compression }: PackedLayer,
  directory: string,
  { program, onProgress = () => {} }: UnpackOptions,
): Promise<void> {
  const { output, done } = decompress(createReadStream(path, { highWaterMark: 1 << 20 }), compression);
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
  const child = spawn(program, ['--root', directory], { stdio: ['pipe', 'ignore', 'pipe'] });
  const complaint = text(child.stderr);
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', async (code, signal) => {
      if (code === 0) return resolve();
      reject(failureOf(diffId, await complaint, `ended by ${signal ?? code}`));
    });
  });
  const fed = pipeline(output, hashing, child.stdin);
  // The first of them that knows what was wrong tells it: the others only see that a pipe has broken.
  await allSettled([done, ended, fed]);
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest === diffId) return;
  throw new ProaError(`the layer is not what the configuration says: its digest is ${digest}, expected ${diffId}`, {
    kind: 'invalid',
  });
}

/** What proa-unpack says when it fails: a line of JSON. */
function failureOf(diffId: Digest, complaint: string, otherwise: string): ProaError {
  let failure: { message?: string; kind?: FailureKind; remedy?: string } = {};
  try {
    failure = JSON.parse(complaint);
  } catch {
    // It was killed, or could not even begin.
  }
  const { message = `unpacking failed: ${complaint.trim() || otherwise}`, kind = 'internal', remedy } = failure;
  return new ProaError(`layer ${diffId}: ${message}`, { kind, ...(remedy !== undefined && { remedy }) });
}
