import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { allSettled } from '#engine/async/parallel.ts';
import { makeDirectory } from '../content/files.ts';
import type { SnapshotRoot, SnapshotStore } from './snapshots.ts';
import { startTool } from './tool.ts';

export interface CopyPrograms {
  /** proa-pack and proa-unpack. */
  pack: string;
  unpack: string;
}

const PARTIAL = '.partial-';

/** For each container a copy of its image, where no overlay can be: on file systems without its attributes, or upon another. */
export class CopiedSnapshots implements SnapshotStore {
  readonly #root: string;
  readonly #programs: CopyPrograms;

  private constructor(root: string, programs: CopyPrograms) {
    this.#root = root;
    this.#programs = programs;
  }

  /** Below a root that has one owner. Removes copies that were not finished. */
  static async open(root: string, programs: CopyPrograms): Promise<CopiedSnapshots> {
    await makeDirectory(root);
    for (const name of await readdir(root))
      if (name.startsWith(PARTIAL)) await rm(join(root, name), { recursive: true, force: true });
    return new CopiedSnapshots(root, programs);
  }

  async make(name: string, lower: readonly string[]): Promise<SnapshotRoot> {
    const path = join(this.#root, name);
    if (!(await this.list()).includes(name)) await this.#copy(lower, path);
    return { kind: 'directory', path };
  }

  async #copy(lower: readonly string[], path: string): Promise<void> {
    const partial = join(this.#root, `${PARTIAL}${randomUUID()}`);
    try {
      await mkdir(partial, { mode: 0o755 });
      for (const layer of [...lower].reverse()) await this.#apply(layer, partial);
      await rename(partial, path);
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
    return (await readdir(this.#root)).filter((name) => !name.startsWith(PARTIAL));
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#root, name), { recursive: true, force: true });
  }
}
