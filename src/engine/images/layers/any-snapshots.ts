import { join } from 'node:path';
import { RemoteFailure } from '#common/protocol/failure.ts';
import { CopiedSnapshots, type CopyPrograms } from './copied-snapshots.ts';
import { type SnapshotRoot, type SnapshotStore, Snapshots } from './snapshots.ts';

/** Overlays; and copies, from when the kernel has refused one: that is found out by who mounts it. */
export class AnySnapshots implements SnapshotStore {
  readonly #overlays: Snapshots;
  readonly #copies: CopiedSnapshots;
  #refused = false;

  private constructor(overlays: Snapshots, copies: CopiedSnapshots) {
    this.#overlays = overlays;
    this.#copies = copies;
  }

  static async open(root: string, programs: CopyPrograms): Promise<AnySnapshots> {
    return new AnySnapshots(
      await Snapshots.open(join(root, 'overlays')),
      await CopiedSnapshots.open(join(root, 'copies'), programs),
    );
  }

  /**
   * Makes a root and begins something on it; once more, on a copy, where `begin` fails since there can be no overlay. It
   * has to have undone what it did then.
   */
  async with<T>(name: string, lower: readonly string[], begin: (root: SnapshotRoot) => Promise<T>): Promise<T> {
    const root = await this.make(name, lower);
    try {
      return await begin(root);
    } catch (error) {
      if (root.kind !== 'overlay' || !refusesOverlay(error)) throw error;
      this.#refused = true;
      await this.#overlays.remove(name);
      return await begin(await this.#copies.make(name, lower));
    }
  }

  async make(name: string, lower: readonly string[]): Promise<SnapshotRoot> {
    if ((await this.#overlays.list()).includes(name)) return this.#overlays.make(name, lower);
    const isCopy = this.#refused || (await this.#copies.list()).includes(name);
    return isCopy ? this.#copies.make(name, lower) : this.#overlays.make(name, lower);
  }

  async list(): Promise<string[]> {
    return [...(await this.#overlays.list()), ...(await this.#copies.list())];
  }

  async remove(name: string): Promise<void> {
    await this.#overlays.remove(name);
    await this.#copies.remove(name);
  }
}

/** ENODEV, EINVAL, EPERM, EOPNOTSUPP: no such file system, none there, not for this user. */
const refusals = new Set([19, 22, 1, 95]);

/** Whether a kernel has no overlay, or none with its upper directory there: fsopen(2), fsconfig(2). */
function refusesOverlay(error: unknown): boolean {
  if (!(error instanceof RemoteFailure) || !refusals.has(error.errno ?? 0)) return false;
  const { call, object = '' } = error;
  return (call === 'fsopen' || call === 'fsconfig') && /^(?:overlay$|upperdir=|workdir=)/.test(object);
}
