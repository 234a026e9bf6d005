import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { allSettled } from '#engine/async/parallel.ts';
import { makeDirectory, syncDirectory } from '../content/files.ts';
import { syncFileSystem } from './settling.ts';
import { type RemoveTree, removeAtOnce, type SnapshotRoot, type SnapshotStore } from './snapshots.ts';
import { startTool } from './tool.ts';

export interface CopyPrograms {
  /** proa-pack and proa-unpack. */
  pack: string;
  unpack: string;
}

const PARTIAL = '.partial-';
/** A clock of files goes on by a few milliseconds at a time, by two seconds on some file systems. */
const TICK_MILLISECONDS = 5;

/**
 * For each container a copy of its image, where no overlay can be: on file systems without its attributes, or upon another.
 * `NAME/files` is what a container sees, and `NAME/made` was written when that was whole. Copies of images that are mounted
 * in it, `NAME+AT`, go with it.
 */
export class CopiedSnapshots implements SnapshotStore {
  readonly #root: string;
  readonly #programs: CopyPrograms;
  readonly #removeTree: RemoveTree;
  readonly #names: Set<string>;
  readonly #making = new Map<string, Promise<void>>();

  private constructor(root: string, programs: CopyPrograms, removeTree: RemoveTree, names: readonly string[]) {
    this.#root = root;
    this.#programs = programs;
    this.#removeTree = removeTree;
    this.#names = new Set(names);
  }

  /** Below a root that has one owner. Removes copies that were not finished. */
  static async open(
    root: string,
    programs: CopyPrograms,
    removeTree: RemoveTree = removeAtOnce,
  ): Promise<CopiedSnapshots> {
    await makeDirectory(root);
    const names = await readdir(root);
    const partial = names.filter((name) => name.startsWith(PARTIAL));
    for (const name of partial) await removeTree(join(root, name));
    return new CopiedSnapshots(
      root,
      programs,
      removeTree,
      names.filter((name) => !partial.includes(name)),
    );
  }

  /** Whether there is a copy of that name. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  make(name: string, lower: readonly string[]): Promise<SnapshotRoot> {
    return this.#makeOf(name, lower, lower);
  }

  /** A copy in place of an overlay, with what was written to that. */
  convert(name: string, lower: readonly string[], upper: string): Promise<SnapshotRoot> {
    return this.#makeOf(name, lower, [upper, ...lower]);
  }

  /** What layers show together, for the container `owner`, which has several such places. */
  makeImage(owner: string, at: number, layers: readonly string[]): Promise<SnapshotRoot> {
    return this.make(`${owner}+${at}`, layers);
  }

  async #makeOf(name: string, lower: readonly string[], copied: readonly string[]): Promise<SnapshotRoot> {
    const directory = join(this.#root, name);
    if (!this.#names.has(name)) {
      const making = this.#making.get(name) ?? this.#copy(copied, directory, copied === lower);
      this.#making.set(name, making);
      try {
        await making;
        this.#names.add(name);
      } finally {
        this.#making.delete(name);
      }
    }
    const copyOf = { lower: [...lower], made: join(directory, 'made') };
    return { kind: 'directory', path: join(directory, 'files'), copyOf };
  }

  async #copy(layers: readonly string[], directory: string, isAsLayers: boolean): Promise<void> {
    const partial = join(this.#root, `${PARTIAL}${randomUUID()}`);
    const files = join(partial, 'files');
    try {
      await mkdir(files, { recursive: true, mode: 0o755 });
      for (const layer of [...layers].reverse()) await this.#apply(layer, files);
      await mark(join(partial, 'made'), isAsLayers);
      // A container's own files are in it from now on, so it cannot be made anew when a loss of power takes others away.
      await syncFileSystem(this.#root);
      await rename(partial, directory);
      await syncDirectory(this.#root);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }

  /** Puts a layer on top of what is there, as the archive that it came from would be. */
  async #apply(layer: string, directory: string): Promise<void> {
    const packing = startTool(this.#programs.pack, ['--upper', layer, '--root-too'], `copy of ${layer}`);
    const words = ['--root', directory, '--whiteouts', 'apply'];
    const unpacking = startTool(this.#programs.unpack, words, `copy of ${layer}`);
    unpacking.child.stdout.resume();
    await allSettled([packing.ended, unpacking.ended, pipeline(packing.child.stdout, unpacking.child.stdin)]);
  }

  async list(): Promise<string[]> {
    return [...new Set([...this.#names].map((name) => name.replace(/\+\d+$/, '')))];
  }

  async isUnwritten(name: string): Promise<boolean> {
    const directory = join(this.#root, name);
    if (!this.#names.has(name)) return true;
    const { mtimeNs } = await stat(join(directory, 'made'), { bigint: true });
    return await isOlder(join(directory, 'files'), mtimeNs);
  }

  async remove(name: string): Promise<void> {
    for (const one of this.#names) {
      if (one !== name && !one.startsWith(`${name}+`)) continue;
      await this.#removeTree(join(this.#root, one));
      this.#names.delete(one);
    }
  }
}

/**
 * Later than the last change of any file of the copy. Where that is not what the layers have, as if it had never been
 * whole: what is different then can only be told by reading it.
 */
async function mark(path: string, isAsLayers: boolean): Promise<void> {
  await writeFile(path, '', { mode: 0o600 });
  if (!isAsLayers) return await utimes(path, 0, 0);
  const { mtimeNs: last } = await stat(path, { bigint: true });
  for (;;) {
    await sleep(TICK_MILLISECONDS);
    await writeFile(path, '-');
    if ((await stat(path, { bigint: true })).mtimeNs > last) return;
  }
}

/** Whether nothing there has been changed since: inode(7), "st_ctime". */
async function isOlder(path: string | Buffer, time: bigint): Promise<boolean> {
  const status = await lstat(path, { bigint: true });
  if (status.ctimeNs >= time) return false;
  if (!status.isDirectory()) return true;
  for (const name of await readdir(path, { encoding: 'buffer' }))
    if (!(await isOlder(Buffer.concat([Buffer.from(path), Buffer.from('/'), name]), time))) return false;
  return true;
}
