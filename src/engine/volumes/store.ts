import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { holdsMounts } from '../core/mount-table.ts';
import { makeDirectory, replaceFileDurably, syncDirectory } from '../images/content/files.ts';
import { boundDirectory, checkOptions, type VolumeOptions } from './options.ts';
import { usageOf } from './usage.ts';

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
}

const NAME = /^[a-zA-Z0-9][\w.-]{1,254}$/;
const FILE = 'volume.json';
/** No volume can have such a name. */
const REMOVED = '.removed-';
const LABEL = 'com.docker.volume.anonymous';

/** Directories that outlive containers: the driver `local`. */
export class VolumeStore {
  readonly #root: string;
  readonly #volumes = new Map<string, Volume>();
  /** What is under way with a name: making and removing it come one after the other. */
  readonly #turns = new Map<string, Promise<void>>();

  private constructor(root: string) {
    this.#root = root;
  }

  /** Below a root that has one owner. Removes what a crash has left; whatever holds files is somebody's, and stays. */
  static async open(root: string): Promise<VolumeStore> {
    await makeDirectory(root);
    const store = new VolumeStore(root);
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

  /** The volume of that name, made if it is not there; without a name a new one. */
  async create({ name, labels = {}, options = {}, madeFor }: VolumeRequest): Promise<Volume> {
    if (name !== undefined && !this.has(name) && !NAME.test(name))
      throw new ProaError(
        `Name: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`,
        { kind: 'invalid', remedy: 'To bind a directory of the machine, give its absolute path' },
      );
    const chosen = name ?? randomBytes(32).toString('hex');
    return await this.#inTurn(chosen, async () => {
      const known = this.#volumes.get(chosen);
      if (known) {
        if (Object.keys(options).length === 0 || same(options, known.options)) return known;
        throw new ProaError(`volume "${chosen}" exists with other options`, { kind: 'conflict' });
      }
      checkOptions(options);
      const volume: Volume = {
        name: chosen,
        created: new Date().toISOString(),
        labels: name === undefined ? { [LABEL]: '', ...labels } : labels,
        options,
        ...(madeFor !== undefined && { madeFor }),
      };
      await mkdir(this.directory(chosen), { recursive: true, mode: 0o755 });
      // Options may hold a password.
      await replaceFileDurably(this.record(chosen), JSON.stringify(volume), { mode: 0o600 });
      await syncDirectory(this.#root);
      this.#volumes.set(chosen, volume);
      return volume;
    });
  }

  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(work);
    const over = turn.then(
      () => {},
      () => {},
    );
    this.#turns.set(name, over);
    over.then(() => {
      if (this.#turns.get(name) === over) this.#turns.delete(name);
    });
    return turn;
  }

  async isEmpty(name: string): Promise<boolean> {
    return (await readdir(this.directory(name)).catch(() => [])).length === 0;
  }

  /** Bytes of its files. */
  async size(name: string): Promise<number> {
    return (await usageOf(this.directory(name))).bytes;
  }

  /** With all that is in it. Whoever calls has seen that nobody uses it. */
  async remove(name: string): Promise<void> {
    const away = join(this.#root, `${REMOVED}${randomBytes(8).toString('hex')}`);
    await this.#inTurn(name, async () => {
      this.get(name);
      // What is mounted there is not the volume's to remove.
      if (holdsMounts(join(this.#root, name)))
        throw new ProaError(`remove ${name}: volume has active mounts`, { kind: 'conflict' });
      // Renamed first: one that is half removed would not be whole.
      await rename(join(this.#root, name), away);
      this.#volumes.delete(name);
    });
    await rm(away, { recursive: true, force: true });
  }
}

function same(left: Record<string, string>, right: Record<string, string>): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}
