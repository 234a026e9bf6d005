import { allSettled } from '#engine/async/parallel.ts';
import type { Turns } from '#engine/async/turns.ts';
import type { PlacedVolume, VolumeMounting } from './mounting.ts';
import { isMount } from './options.ts';
import { VolumeUsers } from './users.ts';

export interface PlacedVolumes {
  list(): { name: string }[];
  /** Undefined where there is none of that name. */
  placed(name: string): PlacedVolume | undefined;
}

/** Volumes that are mounts of their own: mounted before somebody uses them for the first time, and unmounted after the last. */
export class VolumeMounts {
  readonly #volumes: PlacedVolumes;
  readonly #mounting: VolumeMounting;
  /** Shared with whoever makes and removes volumes. */
  readonly #turns: Turns;
  readonly #holders = new VolumeUsers();

  constructor(volumes: PlacedVolumes, { mounting, turns }: { mounting: VolumeMounting; turns: Turns }) {
    this.#volumes = volumes;
    this.#mounting = mounting;
    this.#turns = turns;
  }

  /** Takes it that `holder` uses these volumes already, which an engine before this one has mounted. */
  adopt(names: readonly string[], holder: string): void {
    for (const name of this.#mountsAmong(names)) this.#holders.add(name, holder);
  }

  /** What fails is thrown; `holder` is to release in any case. Turns are taken at once: who releases later comes later. */
  async hold(names: readonly string[], holder: string): Promise<void> {
    await this.#each(this.#mountsAmong(names), async (name) => {
      const volume = this.#volumes.placed(name);
      if (!volume) return;
      this.#holders.add(name, holder);
      if (!this.#mounting.isMounted(volume)) await this.#mounting.mount(volume);
    });
  }

  async release(holder: string): Promise<void> {
    await this.#each(this.#holders.volumesOf(holder), async (name) => {
      this.#holders.delete(name, holder);
      await this.unmountUnused(name);
    });
  }

  /** What an engine before this one has left mounted for nobody. */
  async releaseLeftovers(): Promise<void> {
    const all = this.#mountsAmong(this.#volumes.list().map(({ name }) => name));
    await this.#each(all, (name) => this.unmountUnused(name));
  }

  isHeld(name: string): boolean {
    return this.#holders.of(name).length > 0;
  }

  /** Called in the volume's turn. What others have mounted on a volume that is none stays. */
  async unmountUnused(name: string): Promise<void> {
    const volume = this.#volumes.placed(name);
    if (!volume || !isMount(volume.options) || this.isHeld(name)) return;
    if (this.#mounting.isMounted(volume)) await this.#mounting.unmount(volume);
  }

  #mountsAmong(names: readonly string[]): string[] {
    return names.filter((name) => isMount(this.#volumes.placed(name)?.options ?? {}));
  }

  async #each(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
    await allSettled(
      names.map(async (name) => {
        using _turn = await this.#turns.take(name);
        await work(name);
      }),
    );
  }
}
