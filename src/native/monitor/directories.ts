import { ProaError } from '#common/errors.ts';
import {
  type ContainerRequest,
  type ContainerState,
  containerRequest,
  PROTOCOL_VERSION,
} from '#common/protocol/container.ts';
import { EEXIST, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY } from '#sys/errno.ts';
import { isErrno, SystemError } from '#sys/errors.ts';
import {
  exists,
  listDirectory,
  makeDirectories,
  openDirectory,
  readTextIfAny,
  removeContents,
  removeDirectory,
  removeFile,
  renameFile,
  replaceFile,
  replaceFileDurably,
  writeFile,
} from '#sys/files.ts';
import { processFacts } from '#sys/processes.ts';
import { getpid } from '#sys/raw/process.ts';
import type { DriverPlaces } from './runtimes/driver.ts';

/** Where an agent and its monitors keep things; `run` is gone after a boot, `state` is not. */
export interface Roots {
  run: string;
  state: string;
}

const REQUEST = 'request.json';
const STATE = 'state.json';

/** Records of containers as proa-runtime keeps them: its commands work on them too. */
export function runtimeRoot({ run }: Roots): string {
  return `${run}/runtime`;
}

export function containersDirectory({ run }: Roots): string {
  return `${run}/containers`;
}

export function driverPlaces(roots: Roots, files: ContainerFiles): DriverPlaces {
  return { root: runtimeRoot(roots), directory: files.run, init: `${roots.run}/proa-init` };
}

/** Where directories of containers are filled before they get their name, and emptied after they have lost it. */
function asideDirectory({ run }: Roots): string {
  return `${run}/aside`;
}

/** Removes what processes that were killed have left aside. */
export function clearAside(roots: Roots): void {
  const aside = asideDirectory(roots);
  makeDirectories(aside, 0o700);
  for (const pid of listDirectory(aside)) if (!processFacts(Number(pid))) removeTree(`${aside}/${pid}`);
}

/** Both directories of one container. */
export class ContainerFiles {
  readonly id: string;
  readonly run: string;
  readonly state: string;
  /** A name that no other process uses. */
  readonly #aside: string;
  #released = false;

  constructor(roots: Roots, id: string) {
    this.id = id;
    this.run = `${containersDirectory(roots)}/${id}`;
    this.state = `${roots.state}/containers/${id}`;
    this.#aside = `${asideDirectory(roots)}/${getpid()}`;
  }

  /** The control socket. */
  get socket(): string {
    return `${this.run}/monitor`;
  }

  /** Whether this process has given up the id: what is there now is another container's. */
  get isReleased(): boolean {
    return this.#released;
  }

  /**
   * Takes the id, in one step together with the record of who has it: should this process be killed at any time, an
   * agent sees that. Throws `conflict` where another container has it.
   */
  claim(request: ContainerRequest): void {
    removeTree(this.#aside);
    makeDirectories(this.#aside, 0o700);
    try {
      writeFile(`${this.#aside}/${REQUEST}`, JSON.stringify(request), { create: 0o600 });
      writeFile(`${this.#aside}/${STATE}`, JSON.stringify(newState(this.id)), { create: 0o600 });
      // An empty directory, which nobody's record is in, is taken. rename(2).
      renameFile(this.#aside, this.run);
    } catch (cause) {
      removeTree(this.#aside);
      if (!isErrno(cause, EEXIST, ENOTEMPTY)) throw cause;
      throw new ProaError(`container with given ID already exists: "${this.id}"`, { kind: 'conflict' });
    }
    try {
      // How an earlier container of this name ended is not this one's.
      removeFile(`${this.state}/${STATE}`);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  saveRequest(request: ContainerRequest): void {
    if (!this.#released) replaceFile(`${this.run}/${REQUEST}`, JSON.stringify(request), 0o600);
  }

  /** What was asked for; undefined where that is missing or damaged. */
  request(): ContainerRequest | undefined {
    return readRecord(`${this.run}/${REQUEST}`, containerRequest);
  }

  saveState(state: ContainerState): void {
    if (!this.#released) replaceFile(`${this.run}/${STATE}`, JSON.stringify(state), 0o600);
  }

  /** What was recorded last; undefined where that is missing or damaged. */
  loadState(): ContainerState | undefined {
    return readRecord(`${this.run}/${STATE}`, (value) => {
      const { phase, monitor } = value as Partial<ContainerState>;
      return typeof phase === 'string' && typeof monitor?.pid === 'number' ? (value as ContainerState) : undefined;
    });
  }

  /** What must be known after a boot: how the container ended. */
  saveDurably(state: ContainerState): void {
    makeDirectories(this.state, 0o700);
    using directory = openDirectory(this.state);
    replaceFileDurably(directory, STATE, JSON.stringify(state), 0o600);
  }

  /**
   * The container has ended for good: its id is free at once, before what was kept is removed, and nothing is written any
   * more where soon another one may be.
   */
  release(): void {
    if (this.#released) return;
    removeTree(this.#aside);
    try {
      renameFile(this.run, this.#aside);
    } catch (error) {
      if (!isErrno(error, ENOENT)) throw error;
    }
    this.#released = true;
    removeTree(this.#aside);
  }
}

/** Of a container that this process begins to keep. */
export function newState(id: string): ContainerState {
  return { version: PROTOCOL_VERSION, id, phase: 'created', restarts: 0, stopped: false, monitor: thisProcess() };
}

export function thisProcess(): ContainerState['monitor'] {
  const pid = getpid();
  if (known?.pid !== pid) known = { pid, startTime: processFacts(pid)?.startTime ?? 0 };
  return known;
}

/** Of this process, or of the one that it is a copy of. */
let known: ContainerState['monitor'] | undefined;

/** Written by rename, so only a full disk or a stranger's hand can have damaged it: that is one container's trouble. */
function readRecord<T>(path: string, take: (value: unknown) => T | undefined): T | undefined {
  try {
    const text = readTextIfAny(path);
    return text === undefined ? undefined : take(JSON.parse(text));
  } catch (error) {
    // That it could not be read now says nothing of the record.
    if (error instanceof SystemError && !isErrno(error, ENOTDIR, EISDIR)) throw error;
    return undefined;
  }
}

function removeTree(path: string): void {
  if (!exists(path)) return;
  {
    using directory = openDirectory(path);
    removeContents(directory);
  }
  removeDirectory(path);
}
