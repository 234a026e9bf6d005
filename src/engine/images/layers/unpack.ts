import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ProaError } from '#common/errors.ts';
import type { Compression } from '#common/image-spec/media-types.ts';
import type { IdMapping } from '#common/runtime-spec/types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { type Digest, partsOf } from '../reference/digest.ts';
import type { PackedFile } from './packed-file.ts';
import { startFileTool } from './tool.ts';

export interface PackedLayer {
  /** Of the layer as it is unpacked: image-spec, config.md, "diff_ids". */
  diffId: Digest;
  compression: Compression;
  /** As it came. */
  file: PackedFile;
}

/** Whose ids the files of a layer have on the host: of a user namespace, as the runtime specification writes it. */
export interface IdMappings {
  uid: readonly IdMapping[];
  gid: readonly IdMapping[];
}

export type Whiteouts = 'overlay' | 'files';

/** What a layer may have, against archives that are made to fill a disk; the program's own limits where absent. */
export interface LayerLimits {
  /** Of files, holes included. */
  bytes?: number | undefined;
  entries?: number | undefined;
}

export interface UnpackOptions {
  /** The program proa-unpack. */
  program: string;
  limits?: LayerLimits;
  /** Whose ids files get: those of the layer when absent. */
  mappings?: IdMappings | undefined;
  /** As overlayfs has them by default; `files`: as an archive has them. */
  whiteouts?: Whiteouts;
  onProgress?(bytes: number): void;
}

/**
 * Unpacks a layer into an empty directory. What was unpacked is only the layer when this
 * returns: its digest is known at its end. After a failure the directory holds nothing.
 */
export async function unpackLayer(
  { diffId, file, compression }: PackedLayer,
  directory: string,
  { program, limits = {}, mappings, whiteouts = 'overlay', onProgress = () => {} }: UnpackOptions,
): Promise<void> {
  checkDiffId(diffId);
  const words = ['--root', directory, '--compression', compression, '--digest', '--progress', '--grows', '3'];
  if (whiteouts === 'files') words.push('--whiteouts', 'none');
  if (limits.bytes !== undefined) words.push('--max-bytes', String(limits.bytes));
  if (limits.entries !== undefined) words.push('--max-entries', String(limits.entries));
  const tool = startFileTool(program, [...words, ...mapWords(mappings)], `layer ${diffId}`, file.fd);
  file.tell(tool.control);
  const [, digest] = await allSettled([tool.ended, digestIn(tool.child.stdout, onProgress)]);
  if (digest === diffId) return;
  throw new ProaError(`the layer is not what the configuration says: its digest is ${digest}, expected ${diffId}`, {
    kind: 'invalid',
  });
}

/** Throws `unsupported` where what is unpacked could not be told to be that: proa-unpack has one algorithm. */
export function checkDiffId(diffId: Digest): void {
  if (diffId.startsWith('sha256:')) return;
  throw new ProaError(`layer ${diffId}: the algorithm "${partsOf(diffId).algorithm}" is not known for diff_ids`, {
    kind: 'unsupported',
    remedy: 'Layers are unpacked by a diff_id of sha256',
  });
}

/** Of what was unpacked. The lines before it are how many bytes that is so far. */
async function digestIn(output: Readable, onProgress: (bytes: number) => void): Promise<string | undefined> {
  let last = '{}';
  for await (const line of createInterface(output)) {
    if (line.startsWith('{')) last = line;
    else onProgress(Number(line));
  }
  return (JSON.parse(last) as { digest?: string }).digest;
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
