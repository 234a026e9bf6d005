import { chmod, chown, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { OverlaySettings } from '#common/protocol/container.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { isCode } from '../content/errors.ts';
import { makeDirectory } from '../content/files.ts';

/** What a container has as its root: an overlay for whoever starts it to mount, or a directory as it is. */
export type SnapshotRoot =
  | { kind: 'overlay'; overlay: OverlaySettings }
  | { kind: 'directory' /** Absolute. */; path: string; copyOf?: CopyOf };

/** What was copied, so that differences can be found. */
export interface CopyOf {
  /** The upper layer first. */
  lower: string[];
  /** A file that was last written when the copy was whole. */
  made: string;
}

/**
 * Root filesystems of containers, each by a name: made over layers, written to, and removed.
 *
 *     const root = await snapshots.make('web', await layers.unpack(image, { content }));
 *     …                                  // a container runs on it, and again, with what it has written
 *     await snapshots.remove('web');
 *
 * What was written under a name is kept until it is removed: `make` gives it again, whatever layers it is told then.
 * Nothing is mounted here. tests/integration/snapshots.test.ts holds for every implementation.
 */
export interface SnapshotStore {
  /** A writable root over layers, the upper one first. */
  make(name: string, lower: readonly string[]): Promise<SnapshotRoot>;
  list(): Promise<string[]>;
  /** Whether nothing was written under that name. */
  isUnwritten(name: string): Promise<boolean>;
  /** Removes what there is of a name. */
  remove(name: string): Promise<void>;
}

/** Takes a directory away, with all that is in it; a path that there is not is no failure. */
export type RemoveTree = (path: string) => Promise<void>;

export const removeAtOnce: RemoveTree = (path) => rm(path, { recursive: true, force: true });

/** For each container an upper and a work directory over the layers of its image: Documentation/filesystems/overlayfs.rst. */
export class Snapshots implements SnapshotStore {
  readonly #root: string;
  readonly #removeTree: RemoveTree;
  /** Their directories are there. */
  readonly #made = new Set<string>();
  /** How a root has to be, by the layer that says so. */
  readonly #looks = new Map<string, Look>();

  private constructor(root: string, removeTree: RemoveTree) {
    this.#root = root;
    this.#removeTree = removeTree;
  }

  static async open(root: string, removeTree: RemoveTree = removeAtOnce): Promise<Snapshots> {
    await makeDirectory(root);
    return new Snapshots(root, removeTree);
  }

  #directory(name: string): string {
    return join(this.#root, name);
  }

  /** Where what is written under that name is. */
  upper(name: string): string {
    return join(this.#directory(name), 'upper');
  }

  async make(name: string, lower: readonly string[]): Promise<SnapshotRoot> {
    return { kind: 'overlay', overlay: await this.prepare(name, lower) };
  }

  /** A writable root over layers, the upper one first. What was written under that name before is kept. */
  async prepare(name: string, lower: readonly string[]): Promise<OverlaySettings> {
    const directory = this.#directory(name);
    const upper = this.upper(name);
    const work = join(directory, 'work');
    if (!this.#made.has(name)) {
      await makeDirectoryIfNone(directory, 0o755);
      const [isNew] = await allSettled([makeDirectoryIfNone(upper, 0o755), makeDirectoryIfNone(work, 0o700)] as const);
      // The upper directory is what the container sees as its root: it shall be as the layers have it.
      if (isNew && lower[0] !== undefined) await makeLike(upper, await this.#lookOf(lower[0]));
      this.#made.add(name);
    }
    return { lower: [...lower], upper, work };
  }

  /** A layer does not change. */
  async #lookOf(layer: string): Promise<Look> {
    const known = this.#looks.get(layer);
    if (known) return known;
    const { uid, gid, mode } = await stat(layer);
    this.#looks.set(layer, { uid, gid, mode: mode & 0o7777 });
    return { uid, gid, mode: mode & 0o7777 };
  }

  async list(): Promise<string[]> {
    return readdir(this.#root);
  }

  async isUnwritten(name: string): Promise<boolean> {
    const upper = await readdir(this.upper(name)).catch(() => []);
    return upper.length === 0;
  }

  async remove(name: string): Promise<void> {
    this.#made.delete(name);
    await this.#removeTree(this.#directory(name));
  }
}

interface Look {
  uid: number;
  gid: number;
  mode: number;
}

/** Of a directory that was just made. */
async function makeLike(directory: string, { uid, gid, mode }: Look): Promise<void> {
  const own = process.getuid?.() === uid && process.getgid?.() === gid;
  if (!own) await chown(directory, uid, gid);
  if (!own || mode !== (0o755 & ~process.umask())) await chmod(directory, mode);
}

/** Whether it was not there. */
async function makeDirectoryIfNone(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}
