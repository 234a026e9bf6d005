import { lookup } from 'node:dns/promises';
import { text } from 'node:stream/consumers';
import { ProaError } from '#common/errors.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { Turns } from '#engine/async/turns.ts';
import { isMounted } from '../core/mount-table.ts';
import { startTool } from '../images/layers/tool.ts';
import { isMount, serverName } from './options.ts';
import type { VolumeStore } from './store.ts';

/**
 * Volumes that are mounts of their own: mounted before somebody uses them for the first time, and unmounted after the last.
 * The machine's mount table says which are mounted, whoever mounted them: this process may have been another one.
 */
export class VolumeMounts {
  readonly #volumes: VolumeStore;
  /** proa-files. */
  readonly #program: string;
  /** By volume, those who use it. */
  readonly #holders = new Map<string, Set<string>>();
  /** What is under way with a volume. */
  readonly #turns = new Turns();

  constructor(volumes: VolumeStore, { program }: { program: string }) {
    this.#volumes = volumes;
    this.#program = program;
  }

  /** Takes it that `holder` uses these volumes already, which an engine before this one has mounted. */
  adopt(names: readonly string[], holder: string): void {
    for (const name of this.#mountsAmong(names)) this.#holdersOf(name).add(holder);
  }

  /** What fails is thrown; `holder` is to release in any case. Turns are taken at once: who releases later comes later. */
  async hold(names: readonly string[], holder: string): Promise<void> {
    await this.#each(this.#mountsAmong(names), async (name) => {
      this.#holdersOf(name).add(holder);
      if (!this.#isMounted(name)) await this.#mount(name);
    });
  }

  async release(holder: string): Promise<void> {
    const names = [...this.#holders].filter(([, holders]) => holders.has(holder)).map(([name]) => name);
    await this.#each(names, async (name) => {
      this.#holdersOf(name).delete(holder);
      await this.#unmountUnused(name);
    });
  }

  /** What an engine before this one has left mounted for nobody. */
  async releaseLeftovers(): Promise<void> {
    const all = this.#mountsAmong(this.#volumes.list().map(({ name }) => name));
    await this.#each(all, (name) => this.#unmountUnused(name));
  }

  #mountsAmong(names: readonly string[]): string[] {
    return names.filter((name) => this.#volumes.has(name) && isMount(this.#volumes.get(name).options));
  }

  #holdersOf(name: string): Set<string> {
    const holders = this.#holders.get(name) ?? new Set();
    this.#holders.set(name, holders);
    return holders;
  }

  async #each(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
    await allSettled(names.map((name) => this.#inTurn(name, () => work(name))));
  }

  async #inTurn(name: string, work: () => Promise<void>): Promise<void> {
    using _turn = await this.#turns.take(name);
    await work();
  }

  #isMounted(name: string): boolean {
    return isMounted(this.#volumes.directory(name));
  }

  async #mount(name: string): Promise<void> {
    const server = serverName(this.#volumes.get(name).options);
    const address = server === undefined ? undefined : await addressOf(name, server);
    const request = { record: this.#volumes.record(name), target: this.#volumes.directory(name) };
    await this.#call(
      'mount-volume',
      address === undefined ? request : { ...request, address },
      `mount volume "${name}"`,
    );
  }

  async #unmountUnused(name: string): Promise<void> {
    if (this.#holdersOf(name).size > 0) return;
    this.#holders.delete(name);
    if (!this.#volumes.has(name) || !this.#isMounted(name)) return;
    await this.#call('unmount-volume', { target: this.#volumes.directory(name) }, `unmount volume "${name}"`);
  }

  async #call(verb: string, request: object, subject: string): Promise<void> {
    const { child, ended } = startTool(this.#program, [verb, JSON.stringify(request)], subject);
    child.stdin.end();
    await allSettled([text(child.stdout), ended] as const);
  }
}

async function addressOf(volume: string, server: string): Promise<string> {
  try {
    return (await lookup(server)).address;
  } catch (cause) {
    throw new ProaError(`volume "${volume}": DriverOpts.o: addr "${server}"`, { kind: 'invalid', cause });
  }
}
