import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OverlaySettings } from '#common/protocol/container.ts';
import { makeDirectory } from '../content/files.ts';

/**
 * What containers write: for each an upper and a work directory over the layers of its image. Nothing is mounted here:
 * whoever starts the container mounts what it is told. Documentation/filesystems/overlayfs.rst.
 */
export class Snapshots {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(root: string): Promise<Snapshots> {
    await makeDirectory(root);
    return new Snapshots(root);
  }

  /** Where what is written under that name is. */
  directory(name: string): string {
    return join(this.#root, name);
  }

  /** A writable root over layers, the upper one first. What was written under that name before is kept. */
  async prepare(name: string, lower: readonly string[]): Promise<OverlaySettings> {
    const upper = join(this.#root, name, 'upper');
    const work = join(this.#root, name, 'work');
    await mkdir(upper, { recursive: true, mode: 0o755 });
    await mkdir(work, { recursive: true, mode: 0o700 });
    return { lower: [...lower], upper, work };
  }

  async list(): Promise<string[]> {
    return readdir(this.#root);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#root, name), { recursive: true, force: true });
  }
}
