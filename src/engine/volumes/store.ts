import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { Turns } from '#engine/async/turns.ts';
import { holdsMounts } from '../core/mount-table.ts';
import { makeDirectory, replaceFileDurably, syncDirectory } from '../images/content/files.ts';
import type { PlacedVolume, VolumeMounting } from './mounting.ts';
import { VolumeMounts } from './mounts.ts';
import { boundDirectory, checkOptions, type VolumeOptions } from './options.ts';
import { usageOf } from './usage.ts';
import { VolumeUsers } from './users.ts';

export interface Volume {
  name: string;
  /** RFC 3339. */
  created: string;
  labels: Record<string, string>;
  /** Of the driver: `type`, `o` and `device`. */
  options: VolumeOptions;
  /** The container that it was made for, without a name that somebody chose. */
  madeFor?: string;
}

export interface VolumeRequest {
  name?: string | undefined;
  labels?: Record<string, string> | undefined;
  options?: VolumeOptions | undefined;
  madeFor?: string | undefined;
  /** A container that is being made, and is to have it. */
  claimedBy?: string | undefined;
}

const NAME = /^[a-zA-Z0-9][\w.-]{1,254}$/;
const FILE = 'volume.json';
/** No volume can have such a name. */
const REMOVED = '.removed-';
const LABEL = 'com.docker.volume.anonymous';

/** Directories that outlive containers: the driver `local`. */
export class VolumeStore {
  readonly #root: string;
  readonly mounts: VolumeMounts;
  readonly #volumes = new Map<string, Volume>();
  /** What is under way with a name: making, mounting, unmounting and removing it come one after the other. */
  readonly #turns = new Turns();
  /** Containers that are being made, which nobody finds among the others yet. */
  readonly #claims = new VolumeUsers();

  private constructor(root: string, mounting: VolumeMounting) {
    this.#root = root;
    this.mounts = new VolumeMounts(this, { mounting, turns: this.#turns });
  }

  /** Below a root that has one owner. Removes what a crash has left; whatever holds files is somebody's, and stays. */
  static async open(root: string, mounting: VolumeMounting): Promise<VolumeStore> {
    await makeDirectory(root);
    const store = new VolumeStore(root, mounting);
    for (const name of await readdir(root)) {
      const isLeft = name.startsWith(REMOVED) || !(await store.#load(name));
      if (isLeft) await rm(join(root, name), { recursive: true, force: true });
    }
    return store;
  }

  /** Whether there is a volume of that name. One whose record is damaged has lost what was said of it, not its files. */
  async #load(name: string): Promise<boolean> {
    try {
      this.#volumes.set(name, parseJson(await readFile(this.record(name), 'utf8')) as Volume);
    } catch (error) {
      if (await this.isEmpty(name)) return false;
      process.stderr.write(`proad: volume ${name} is kept without what was recorded of it: ${describe(error)}\n`);
      this.#volumes.set(name, { name, created: new Date().toISOString(), labels: {}, options: {} });
    }
    return true;
  }

  list(): Volume[] {
    return [...this.#volumes.values()];
  }

  /** Throws `not-found`. */
  get(name: string): Volume {
    const volume = this.#volumes.get(name);
    if (volume) return volume;
    throw new ProaError(`get ${name}: no such volume`, { kind: 'not-found' });
  }

  has(name: string): boolean {
    return this.#volumes.has(name);
  }

  /** Where its files are: what a container gets to see. */
  path(volume: Volume): string {
    return boundDirectory(volume.options) ?? this.directory(volume.name);
  }

  /** What is kept of it. */
  record(name: string): string {
    return join(this.#root, name, FILE);
  }

  directory(name: string): string {
    return join(this.#root, name, '_data');
  }

  placed(name: string): PlacedVolume | undefined {
    const volume = this.#volumes.get(name);
    return volume && { name, options: volume.options, record: this.record(name), directory: this.directory(name) };
  }

  /** The volume of that name, made if it is not there; without a name a new one. */
  async create({ name, labels = {}, options = {}, madeFor, claimedBy }: VolumeRequest): Promise<Volume> {
    if (name !== undefined && !this.has(name) && !NAME.test(name))
      throw new ProaError(
        `Name: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`,
        { kind: 'invalid', remedy: 'To bind a directory of the machine, give its absolute path' },
      );
    const chosen = name ?? randomBytes(32).toString('hex');
    using _turn = await this.#turns.take(chosen);
    const volume = this.#known(chosen, options) ?? {
      name: chosen,
      created: new Date().toISOString(),
      labels: name === undefined ? { [LABEL]: '', ...labels } : labels,
      options,
      ...(madeFor !== undefined && { madeFor }),
    };
    if (!this.has(chosen)) await this.#make(volume);
    if (claimedBy !== undefined) this.#claims.add(chosen, claimedBy);
    return volume;
  }

  /** Throws `conflict` for one with other options than those that are asked for, if any are. */
  #known(name: string, options: VolumeOptions): Volume | undefined {
    const known = this.#volumes.get(name);
    if (!known || Object.keys(options).length === 0 || same(options, known.options)) return known;
    throw new ProaError(`volume "${name}" exists with other options`, { kind: 'conflict' });
  }

  async #make(volume: Volume): Promise<void> {
    const { name, options } = volume;
    checkOptions(options);
    await mkdir(this.directory(name), { recursive: true, mode: 0o755 });
    // Options may hold a password.
    await replaceFileDurably(this.record(name), JSON.stringify(volume), { mode: 0o600 });
    await syncDirectory(this.#root);
    this.#volumes.set(name, volume);
  }

  /** For a container that is being made, and is to have a volume of another. Throws `conflict` where that is gone. */
  async claim(name: string, container: string): Promise<void> {
    using _turn = await this.#turns.take(name);
    if (!this.has(name)) throw new ProaError(`volume "${name}" is gone`, { kind: 'conflict' });
    this.#claims.add(name, container);
  }

  /** The container is among the others now, or will not be. */
  dropClaims(container: string): void {
    for (const name of this.#claims.volumesOf(container)) this.#claims.delete(name, container);
  }

  /** The containers being made that are to have it. */
  claimants(name: string): string[] {
    return this.#claims.of(name);
  }

  async isEmpty(name: string): Promise<boolean> {
    return (await readdir(this.directory(name)).catch(() => [])).length === 0;
  }

  /** Bytes of its files. */
  async size(name: string): Promise<number> {
    return (await usageOf(this.directory(name))).bytes;
  }

  /**
   * With all that is in it, unless somebody uses it: `isUsed` is asked when nobody can begin to. Whether it did; one that
   * is not there was not removed. Throws `conflict` where others have mounted something there.
   */
  async remove(name: string, isUsed: (name: string) => boolean): Promise<boolean> {
    const away = join(this.#root, `${REMOVED}${randomBytes(8).toString('hex')}`);
    {
      using _turn = await this.#turns.take(name);
      if (!this.has(name)) return false;
      if (this.claimants(name).length > 0 || this.mounts.isHeld(name) || isUsed(name)) return false;
      await this.mounts.unmountUnused(name);
      // What is mounted there still is not the volume's to remove.
      if (holdsMounts(join(this.#root, name)))
        throw new ProaError(`remove ${name}: volume has active mounts`, { kind: 'conflict' });
      // Renamed first: one that is half removed would not be whole.
      await rename(join(this.#root, name), away);
      this.#volumes.delete(name);
    }
    await rm(away, { recursive: true, force: true });
    return true;
  }
}

function same(left: Record<string, string>, right: Record<string, string>): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}
