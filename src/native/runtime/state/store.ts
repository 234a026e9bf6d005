import { ProaError } from '#common/errors.ts';
import type { Config } from '#common/runtime-spec/types.ts';
import { parseConfig, processOf } from '#common/runtime-spec/validate.ts';
import { textOf } from '#sys/bytes.ts';
import { EEXIST, ENOENT, ENOTEMPTY } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { sameFile, statusIfAny, statusOf } from '#sys/file-status.ts';
import {
  listDirectory,
  lockFile,
  makeDirectories,
  makeDirectory,
  openDirectory,
  readBytesIfAny,
  readTextIfAny,
  removeContents,
  removeDirectory,
  removeFile,
  replaceFile,
  tryLockFile,
  writeFile,
} from '#sys/files.ts';
import type { CgroupRecord } from '../cgroups/record.ts';
import { withKeptFilter } from '../kept-filters.ts';

/**
 * One container, as kept in `ROOT/ID/state.json`. Fields are only added: a record of an older release stays readable.
 */
export interface ContainerRecord {
  id: string;
  ociVersion: string;
  /** `creating` until the process has been told to wait for its start or to go on. */
  phase: 'creating' | 'created';
  bundle: string;
  /** Absolute path of the root filesystem on the host. */
  rootfs: string;
  /** When the container was created, RFC 3339. */
  created: string;
  owner: string;
  annotations?: Record<string, string>;
  /** Recorded before anything is made, so that whoever finds a half-made container can unmake it. */
  cgroup: CgroupRecord;
  pid?: number;
  /** Start time of `pid` in clock ticks since boot, so that a later process with its number is not taken for it. */
  startTime?: number;
}

const RECORD = 'state.json';
const CONFIG = 'config.json';
/** The socket on which a created container waits for its start. */
export const START_SOCKET = 'start';

/** Ids are names of directories: letters, digits and `_+-.`, not `.` or `..`, at most 1024 characters. */
export function checkId(id: string): void {
  if (/^[\w+.-]{1,1024}$/.test(id) && id !== '.' && id !== '..') return;
  throw new ProaError(`invalid container ID "${id}"`, {
    kind: 'invalid',
    remedy: 'Use letters, digits and the characters _ + - . only',
  });
}

/** The directory of one container, locked: nobody else changes the container until it is disposed. */
export class ContainerDirectory implements Disposable {
  readonly id: string;
  readonly fd: OwnedFd;
  readonly path: string;

  private constructor(path: string, id: string, fd: OwnedFd) {
    this.path = path;
    this.id = id;
    this.fd = fd;
  }

  /** Claims an id that is free: mkdir(2) decides between two that try at once. */
  static claim(root: string, id: string): ContainerDirectory {
    checkId(id);
    const path = `${root}/${id}`;
    makeDirectories(root, 0o711);
    try {
      makeDirectory(path, 0o700);
    } catch (cause) {
      if (!isErrno(cause, EEXIST)) throw cause;
      throw new ProaError(`container with given ID already exists: "${id}"`, { kind: 'conflict' });
    }
    const directory = new ContainerDirectory(path, id, openDirectory(path));
    lockFile(directory.fd, path);
    if (directory.#isThere()) return directory;
    directory.fd.close();
    throw new ProaError(`container "${id}" was deleted while it was made`, { kind: 'conflict' });
  }

  /** Opens and locks the directory of a container that exists. */
  static open(root: string, id: string): ContainerDirectory {
    const directory = ContainerDirectory.#at(root, id);
    lockFile(directory.fd, directory.path);
    if (directory.#isThere()) return directory;
    directory.fd.close();
    throw notFound(id);
  }

  /** The same, where nobody else has it locked. */
  static openIfFree(root: string, id: string): ContainerDirectory | undefined {
    const directory = ContainerDirectory.#at(root, id);
    if (tryLockFile(directory.fd, directory.path)) return directory;
    directory.fd.close();
    return undefined;
  }

  /** Whoever had it locked before us may have removed it. */
  #isThere(): boolean {
    return sameFile(statusOf(this.fd.number), statusIfAny(this.path));
  }

  static #at(root: string, id: string): ContainerDirectory {
    checkId(id);
    const path = `${root}/${id}`;
    try {
      return new ContainerDirectory(path, id, openDirectory(path));
    } catch (cause) {
      throw isErrno(cause, ENOENT) ? notFound(id) : cause;
    }
  }

  [Symbol.dispose](): void {
    this.fd.close();
  }

  save(record: ContainerRecord): void {
    replaceFile(RECORD, JSON.stringify(record), 0o600, this.fd.number);
  }

  /** The record; undefined when the creator was stopped before it wrote one. */
  load(): ContainerRecord | undefined {
    return parseRecord(readTextIfAny(RECORD, this.fd.number));
  }

  /** Keeps the configuration as it was given: a bundle may change while its container runs. */
  saveConfig(text: Uint8Array): void {
    writeFile(CONFIG, text, { create: 0o600, at: this.fd.number });
  }

  /** The configuration's text; undefined when the creator was stopped before it was kept. */
  configText(): string | undefined {
    return readTextIfAny(CONFIG, this.fd.number);
  }

  /**
   * The configuration that the container was made from, validated then; nulls may stand for what is not there. 64-bit
   * integers are rounded, but for those of `process` and of the seccomp profile: these two are right only with the
   * runtime's `root`, where the profile's filter may be kept.
   */
  loadConfig(root?: string): Config {
    const text = readBytesIfAny(CONFIG, this.fd.number);
    if (!text) return {} as Config;
    if (root === undefined) return JSON.parse(textOf(text));
    const config = withKeptFilter<Config>(text, root, JSON.parse, parseConfig);
    const process = processOf(config, () => textOf(text));
    return process ? { ...config, process } : config;
  }

  removeStartSocket(): void {
    removeFile(START_SOCKET, this.fd.number);
  }

  /** Removes everything kept about the container. */
  remove(): void {
    for (const name of [RECORD, CONFIG]) removeFile(name, this.fd.number);
    try {
      removeDirectory(this.path);
    } catch (error) {
      if (!isErrno(error, ENOTEMPTY)) throw error;
      removeContents(this.fd);
      removeDirectory(this.path);
    }
  }
}

function parseRecord(text: string | undefined): ContainerRecord | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as ContainerRecord;
  } catch {
    // Written by rename, so only a disk fault or a stranger's hand can have done this; `delete --force` removes it.
    return undefined;
  }
}

function notFound(id: string): ProaError {
  return new ProaError(`container "${id}" does not exist`, { kind: 'not-found' });
}

/** Reads a record without waiting for whoever holds the lock. */
export function readRecord(root: string, id: string): ContainerRecord | undefined {
  checkId(id);
  let directory: OwnedFd;
  try {
    directory = openDirectory(`${root}/${id}`);
  } catch (cause) {
    throw isErrno(cause, ENOENT) ? notFound(id) : cause;
  }
  using opened = directory;
  return parseRecord(readTextIfAny(RECORD, opened.number));
}

/** The ids of all containers below `root`. */
export function listIds(root: string): string[] {
  try {
    return listDirectory(root)
      .filter((name) => /^[\w+.-]+$/.test(name))
      .sort();
  } catch (cause) {
    if (isErrno(cause, ENOENT)) return [];
    throw cause;
  }
}
