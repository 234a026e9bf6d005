import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerConfig, HostConfig, MountPoint } from '#common/docker-api/types.ts';
import { describe } from '#common/errors.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { parseJson } from '#common/json/parse.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import { isCode } from '../images/content/errors.ts';
import { makeDirectory, replaceFileDurably } from '../images/content/files.ts';

/** What was decided of a mount when its container was made. */
export interface ContainerMount extends MountPoint {
  /** Of mount(8), without what `RW` says. */
  options: string[];
  /** Read-only at its own level alone. */
  shallowReadOnly?: boolean;
  /** An empty volume gets what the image has at that place. */
  copyUp?: boolean;
  /** The volume was made for this container, without a name that somebody chose. */
  anonymous?: boolean;
  /** A missing directory of the machine is made. */
  makeSource?: boolean;
  /** What an image was when it was mounted. */
  image?: MountedImage;
  /** What of it is mounted, in place of all. */
  subpath?: string;
}

export interface MountedImage {
  /** Of its configuration. */
  id: string;
  /** Layers by what they unpack to, the lowest first. */
  layers: string[];
}

/** The images that a container needs: its own, and those that are mounted in it. */
export function imagesOf({ image, mounts }: Pick<ContainerRecord, 'image' | 'mounts'>): MountedImage[] {
  return [image, ...mounts.flatMap((mount) => mount.image ?? [])];
}

/** Names of the volumes that a container has. */
export function volumesOf({ mounts }: Pick<ContainerRecord, 'mounts'>): string[] {
  return mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name !== undefined ? [Name] : []));
}

/** What the engine keeps of a container. How it runs is with its monitor. */
export interface ContainerRecord {
  version: 1;
  id: string;
  /** Without a slash. */
  name: string;
  /** RFC 3339. */
  created: string;
  image: {
    /** Of its configuration. */
    id: string;
    /** As it was asked for. */
    reference: string;
    manifest: Descriptor;
    platform: string;
    /** Layers by what they unpack to, the lowest first. */
    layers: string[];
  };
  config: ContainerConfig;
  host: HostConfig;
  mounts: ContainerMount[];
  /** It has been started at least once. */
  started: boolean;
  /** Its last start failed. */
  failure?: { status: number; message: string };
  /** Somebody wants it gone: what is left of it is removed. */
  removing?: boolean;
  /** It ran when the whole system ended: nobody wanted this one to end. */
  endedWithSystem?: boolean;
}

const FILE = 'container.json';

/** A directory for each container, with its record and the files that belong to it. */
export class ContainerRecords {
  readonly #root: string;
  /** Ids whose records could not be read: nothing of them is touched. */
  readonly damaged = new Set<string>();

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(root: string): Promise<ContainerRecords> {
    await makeDirectory(root);
    return new ContainerRecords(root);
  }

  directory(id: string): string {
    return join(this.#root, id);
  }

  /** Those that are whole. What was being made when an engine ended is removed. */
  async list(): Promise<ContainerRecord[]> {
    const found: ContainerRecord[] = [];
    for (const id of await readdir(this.#root)) {
      try {
        const record = await readRecord(this.directory(id));
        if (record) found.push(record);
        else await rm(this.directory(id), { recursive: true, force: true });
      } catch (error) {
        this.damaged.add(id);
        process.stderr.write(`proad: container ${id} is left alone, its record is damaged: ${describe(error)}\n`);
      }
    }
    return found;
  }

  /** The first time: makes its directory. */
  async create(record: ContainerRecord, options: { durably: boolean }): Promise<void> {
    await mkdir(this.directory(record.id), { mode: 0o711 });
    await this.save(record, options);
  }

  /** With `durably`, it is on disk afterwards. */
  async save(record: ContainerRecord, { durably }: { durably: boolean }): Promise<void> {
    const path = join(this.directory(record.id), FILE);
    const text = stringifyJson(record);
    if (durably) return await replaceFileDurably(path, text);
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
}

/** What is kept in a container's directory; undefined where it is still being made. */
export async function readRecord(directory: string): Promise<ContainerRecord | undefined> {
  try {
    return parseJson(await readFile(join(directory, FILE), 'utf8')) as ContainerRecord;
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
