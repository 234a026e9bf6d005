import { ProaError } from '#common/errors.ts';
import type { ContainerRequest, ContainerState } from '#common/protocol/container.ts';
import { EEXIST } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import {
  exists,
  makeDirectories,
  makeDirectory,
  openDirectory,
  readTextIfAny,
  removeContents,
  removeDirectory,
  removeFile,
  replaceFile,
  replaceFileDurably,
} from '#sys/files.ts';

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

/** Both directories of one container. */
export class ContainerFiles {
  readonly id: string;
  readonly run: string;
  readonly state: string;

  constructor(roots: Roots, id: string) {
    this.id = id;
    this.run = `${containersDirectory(roots)}/${id}`;
    this.state = `${roots.state}/containers/${id}`;
  }

  /** The control socket. */
  get socket(): string {
    return `${this.run}/monitor`;
  }

  /** Takes the id. Throws `conflict` where another container has it. */
  claim(): void {
    try {
      makeDirectory(this.run, 0o700);
    } catch (cause) {
      if (!isErrno(cause, EEXIST)) throw cause;
      throw new ProaError(`container with given ID already exists: "${this.id}"`, { kind: 'conflict' });
    }
  }

  saveRequest(request: ContainerRequest): void {
    makeDirectories(this.run, 0o700);
    replaceFile(`${this.run}/${REQUEST}`, JSON.stringify(request), 0o600);
  }

  request(): ContainerRequest | undefined {
    const text = readTextIfAny(`${this.run}/${REQUEST}`);
    return text === undefined ? undefined : (JSON.parse(text) as ContainerRequest);
  }

  saveState(state: ContainerState): void {
    replaceFile(`${this.run}/${STATE}`, JSON.stringify(state), 0o600);
  }

  loadState(): ContainerState | undefined {
    const text = readTextIfAny(`${this.run}/${STATE}`);
    return text === undefined ? undefined : (JSON.parse(text) as ContainerState);
  }

  /** What must be known after a boot: how the container ended. */
  saveDurably(state: ContainerState): void {
    makeDirectories(this.state, 0o700);
    using directory = openDirectory(this.state);
    replaceFileDurably(directory, STATE, JSON.stringify(state), 0o600);
  }

  forgetDurable(): void {
    removeFile(`${this.state}/${STATE}`);
  }

  /** The container has ended for good, and nobody looks for its monitor any more. */
  removeRun(): void {
    if (!exists(this.run)) return;
    using directory = openDirectory(this.run);
    removeContents(directory);
    removeDirectory(this.run);
  }
}
