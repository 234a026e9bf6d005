import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { OverlayTrial } from '#common/protocol/files.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { CopiedSnapshots, type CopyPrograms } from './copied-snapshots.ts';
import { imageRoot } from './image-mount.ts';
import { type RemoveTree, type SnapshotRoot, type SnapshotStore, Snapshots } from './snapshots.ts';
import { startTool } from './tool.ts';

export interface SnapshotPlaces {
  overlays: string;
  copies: string;
}

export interface AnyOptions {
  programs: CopyPrograms;
  /** Why there can be no overlays. */
  refusal?: string | undefined;
  removeTree?: RemoveTree;
}

/**
 * Overlays; and copies where there can be none. What was begun as a copy stays one. What was an overlay becomes a copy,
 * with all that was written to it, when it is wanted where there can be none any more.
 */
export class AnySnapshots implements SnapshotStore {
  readonly #overlays: Snapshots;
  readonly #copies: CopiedSnapshots;
  readonly refusal: string | undefined;

  private constructor(overlays: Snapshots, copies: CopiedSnapshots, refusal: string | undefined) {
    this.#overlays = overlays;
    this.#copies = copies;
    this.refusal = refusal;
  }

  static async open(places: SnapshotPlaces, { programs, refusal, removeTree }: AnyOptions): Promise<AnySnapshots> {
    const overlays = await Snapshots.open(places.overlays, removeTree);
    return new AnySnapshots(overlays, await CopiedSnapshots.open(places.copies, programs, removeTree), refusal);
  }

  async make(name: string, lower: readonly string[]): Promise<SnapshotRoot> {
    if (this.#copies.has(name)) return await this.#copies.make(name, lower);
    if (this.refusal === undefined) return await this.#overlays.make(name, lower);
    if (!(await this.#overlays.list()).includes(name)) return await this.#copies.make(name, lower);
    const root = await this.#copies.convert(name, lower, this.#overlays.upper(name));
    await this.#overlays.remove(name);
    return root;
  }

  /** The layers of an image, for a container's mount that is not written to; `at` is which of its mounts that is. */
  async makeImage(owner: string, at: number, layers: readonly string[]): Promise<SnapshotRoot> {
    const isPossible = this.refusal === undefined || layers.length === 1;
    return isPossible ? imageRoot(layers) : await this.#copies.makeImage(owner, at, layers);
  }

  /** Of an overlay, what is written goes there; undefined for a copy. */
  upperOf(name: string): string | undefined {
    const isCopy = this.#copies.has(name) || this.refusal !== undefined;
    return isCopy ? undefined : this.#overlays.upper(name);
  }

  async list(): Promise<string[]> {
    return [...new Set([...(await this.#overlays.list()), ...(await this.#copies.list())])];
  }

  async isUnwritten(name: string): Promise<boolean> {
    return (await this.#overlays.isUnwritten(name)) && (await this.#copies.isUnwritten(name));
  }

  async remove(name: string): Promise<void> {
    await this.#overlays.remove(name);
    await this.#copies.remove(name);
  }
}

/** Why there can be no overlay with what it writes below `root`, if so. `program` is proa-files. */
export async function overlayRefusal(root: string, program: string): Promise<string | undefined> {
  const directory = join(root, 'overlay-trial');
  // Of one that was killed.
  await rm(directory, { recursive: true, force: true });
  try {
    await mkdir(directory, { mode: 0o700 });
    const { child, ended } = startTool(program, ['try-overlay', JSON.stringify({ directory })], 'trial of an overlay');
    child.stdin.end();
    const [answer] = await allSettled([text(child.stdout), ended] as const);
    return (JSON.parse(answer) as OverlayTrial).refused ?? undefined;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
