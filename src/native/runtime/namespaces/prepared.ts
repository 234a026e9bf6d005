import type { OwnedFd } from '#sys/fd.ts';
import { openFile } from '#sys/files.ts';
import { joinNamespace, raiseLoopback, unshareNamespaces } from '#sys/namespaces.ts';
import { CLONE_NEWIPC, CLONE_NEWNET } from '#sys/raw/process.ts';
import type { NamespacePlan } from './plan.ts';

/**
 * What nearly every container has new, takes the kernel long to make, and is the same whoever it is made for. A name of the
 * host (uts) is not among them: a container without one of its own shows the host's of that moment.
 */
const kinds = [
  { flag: CLONE_NEWNET, path: '/proc/self/ns/net' },
  { flag: CLONE_NEWIPC, path: '/proc/self/ns/ipc' },
];
const flags = CLONE_NEWNET | CLONE_NEWIPC;

/** Namespaces that were made before it was known for whom; they last for as long as these descriptors, or who enters. */
export class PreparedNamespaces {
  /** CLONE_NEW* flags. */
  readonly flags = flags;
  readonly fds: readonly OwnedFd[];

  constructor(fds: readonly OwnedFd[]) {
    this.fds = fds;
  }

  enter(): void {
    for (const [index, { flag, path }] of kinds.entries()) joinNamespace(this.fds[index] as OwnedFd, flag, path);
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const fd of this.fds) fd.close();
  }
}

let prepared: PreparedNamespaces | undefined;

/** For a process that waits for a container to make. Its own are what they were; where others cannot be made, none are. */
export function prepareNamespaces(): void {
  const own = current();
  try {
    unshareNamespaces(flags, 'network and ipc');
    raiseLoopback();
    prepared = current();
  } catch {
    // A limit of user_namespaces(7), perhaps: the container that comes will run into it, and say so.
  } finally {
    own.enter();
  }
}

function current(): PreparedNamespaces {
  return new PreparedNamespaces(kinds.map(({ path }) => openFile(path)));
}

/** Hands them out, once, for a container that is cloned into new ones of them, by the rights of our user namespace. */
export function takePrepared(plan: NamespacePlan): PreparedNamespaces | undefined {
  const { cloneFlags, joined, createsTime, createsUser, userPath } = plan;
  if (!prepared || (cloneFlags & flags) !== flags) return undefined;
  if (joined.length > 0 || createsTime || createsUser || userPath) return undefined;
  const taken = prepared;
  prepared = undefined;
  return taken;
}

/** Lets go of those that nobody took. */
export function dropPrepared(): void {
  prepared?.[Symbol.dispose]();
  prepared = undefined;
}
