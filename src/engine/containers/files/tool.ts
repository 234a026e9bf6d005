import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { FilesRoot, PathStatus, Subpath } from '#common/protocol/files.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { imageRoot } from '../../images/layers/image-mount.ts';
import type { SnapshotRoot } from '../../images/layers/snapshots.ts';
import { startTool, type Tool } from '../../images/layers/tool.ts';

/** Calls of proa-files, which works on the files of one container. */
function start(program: string, verb: string, request: object): Tool {
  return startTool(program, [verb, JSON.stringify(request)], `files of the container: ${verb}`);
}

async function answerOf<T>(program: string, verb: string, request: object): Promise<T> {
  const { child, ended } = start(program, verb, request);
  child.stdin.end();
  const [output] = await allSettled([text(child.stdout), ended] as const);
  return JSON.parse(output) as T;
}

/** Text by path; null where there is no such file. */
export function readFiles(
  program: string,
  root: FilesRoot,
  paths: readonly string[],
): Promise<Record<string, string | null>> {
  return answerOf(program, 'read', { root, paths });
}

export function fileFacts(program: string, root: FilesRoot, path: string): Promise<PathStatus> {
  return answerOf(program, 'stat', { root, path });
}

/** A tar archive; what goes wrong on the way ends it with an error. */
export function archiveOf(program: string, root: FilesRoot, path: string): { output: Readable; ended: Promise<void> } {
  const { child, ended } = start(program, 'get', { root, path });
  child.stdin.end();
  return { output: child.stdout, ended };
}

export async function putArchive(
  program: string,
  root: FilesRoot,
  {
    path,
    noOverwriteDirNonDir,
    copyUIDGID,
    archive,
  }: { path: string; noOverwriteDirNonDir: boolean; copyUIDGID: boolean; archive: Readable },
): Promise<void> {
  const { child, ended } = start(program, 'put', { root, path, noOverwriteDirNonDir, copyUIDGID });
  child.stdout.resume();
  // Where the program fails it is its own words that count.
  const sent = pipeline(archive, child.stdin).catch((error) => error as Error);
  await ended;
  const failure = await sent;
  if (failure) throw failure;
}

/** A directory or file of an image, in place of all of it. Links in it lead where they lead from its root. */
export async function partOfImage(image: SnapshotRoot, subpath: string, program: string): Promise<SnapshotRoot> {
  const root =
    image.kind === 'overlay' ? { overlay: image.overlay, mounts: [] } : { directory: image.path, mounts: [] };
  const { path, layers } = await answerOf<Subpath>(program, 'subpath', { root, path: `/${subpath}` });
  if (image.kind === 'directory') return { kind: 'directory', path: join(image.path, path) };
  return imageRoot(layers.map((at) => join(image.overlay.lower[at] as string, path)));
}

/** What an image has at a place becomes the content of an empty volume. */
export async function copyUp(program: string, root: FilesRoot, path: string, target: string): Promise<void> {
  await answerOf(program, 'copy-up', { root, path, target });
}
