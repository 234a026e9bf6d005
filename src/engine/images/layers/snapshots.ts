import { chmod, chown, mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { OverlaySettings } from '#common/protocol/container.ts';
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

/** For each container an upper and a work directory over the layers of its image: Documentation/filesystems/overlayfs.rst. */
export class Snapshots implements SnapshotStore {
  readonly #root: string;
  /** Their directories are there. */
  readonly #made = new Set<string>();

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(root: string): Promise<Snapshots> {
    await makeDirectory(root);
    return new Snapshots(root);
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
    const upper = this.upper(name);
    const work = join(this.#directory(name), 'work');
    if (!this.#made.has(name)) {
      const isNew = (await mkdir(upper, { recursive: true, mode: 0o755 })) !== undefined;
      await mkdir(work, { recursive: true, mode: 0o700 });
      // The upper directory is what the container sees as its root: it shall be as the layers have it.
      if (isNew && lower[0] !== undefined) await makeLike(upper, lower[0]);
      this.#made.add(name);
    }
    return { lower: [...lower], upper, work };
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
    const directory = this.#directory(name);
    try {
      // As a container leaves it that has written nothing.
      await Promise.all([rmdir(join(directory, 'upper')), rmdir(join(directory, 'work', 'work'))]);
      await rmdir(join(directory, 'work'));
      await rmdir(directory);
    } catch {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

async function makeLike(directory: string, other: string): Promise<void> {
  const { uid, gid, mode } = await stat(other);
  await chown(directory, uid, gid);
  await chmod(directory, mode & 0o7777);
}
