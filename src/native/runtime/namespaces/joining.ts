import { ProaError } from '#common/errors.ts';
import type { Config } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { textOf } from '#sys/bytes.ts';
import { check } from '#sys/errors.ts';
import { DisposableList, type OwnedFd, pipe } from '#sys/fd.ts';
import { sameFile, statusOf } from '#sys/file-status.ts';
import { openDirectory, openFile, readAll, writeAll, writeFile } from '#sys/files.ts';
import { joinNamespace, namespaceTypes, unshareNamespaces } from '#sys/namespaces.ts';
import { type Child, cloneProcess, openProcess, waitForChild, waitForEnd } from '#sys/processes.ts';
import { fchdir } from '#sys/raw/file.ts';
import { CLONE_NEWTIME, CLONE_NEWUSER, CLONE_PARENT } from '#sys/raw/process.ts';
import type { NamespacePlan } from './plan.ts';

/**
 * Clones a process into namespaces that exist. The runtime itself steps into each of them around the clone and back
 * out: single-threaded as it is, it may, and the host's rights hold for all of them. A user namespace cannot be left
 * again, so a helper enters that one and clones the process as the runtime's own child.
 */
export function cloneJoined(
  plan: NamespacePlan,
  config: Config,
  cgroup: OwnedFd | undefined,
  forParent: boolean,
  body: () => number,
): Child {
  using stack = new DisposableList();
  const working = stack.add(openDirectory('.'));
  const targets = plan.joined.map(({ type, path }) => ({ type, path, fd: stack.add(openNamespace(path)) }));
  const userNamespace = plan.userPath ? stack.add(openNamespace(plan.userPath)) : undefined;
  const types = targets.map(({ type }) => type);
  if (plan.createsTime) types.push('time');
  const own = types.map((type) => ({ type, fd: stack.add(openFile(`/proc/self/ns/${namespaceTypes[type].file}`)) }));
  const mount = targets.find(({ type }) => type === 'mount');
  if (mount && plan.createsUser) throw unsupportedMix();
  if (mount && isOwn(mount.fd)) throw ownMounts(mount.path);
  try {
    for (const { type, path, fd } of targets) {
      if (type !== 'mount')
        step(`join ${type} namespace "${path}"`, () => joinNamespace(fd, namespaceTypes[type].flag, path));
    }
    if (plan.createsTime) step('make a time namespace', () => makeTimeNamespace(config));
    const enter = () => {
      // Only the child enters a mount namespace: in there, the paths of the runtime would mean others.
      if (mount) joinNamespace(mount.fd, namespaceTypes.mount.flag, mount.path);
      return body();
    };
    if (userNamespace) return cloneInUserNamespace(userNamespace, plan, cgroup, forParent, enter);
    return cloneProcess({ flags: plan.cloneFlags | (forParent ? CLONE_PARENT : 0), cgroup }, enter);
  } finally {
    for (const { type, fd } of own)
      if (type !== 'mount') joinNamespace(fd, namespaceTypes[type].flag, `own ${type} namespace`);
    check(fchdir(working.number), 'fchdir', '.');
  }
}

function unsupportedMix(): ProaError {
  return new ProaError('linux.namespaces: an existing mount namespace cannot be joined from a new user namespace', {
    kind: 'unsupported',
    remedy: 'Join the user namespace that owns the mount namespace by its path too',
  });
}

function isOwn(namespace: OwnedFd): boolean {
  using own = openFile('/proc/self/ns/mnt');
  return sameFile(statusOf(namespace.number), statusOf(own.number));
}

/** What the container mounts would be there for us and others, and its root would take the place of ours. */
function ownMounts(path: string): ProaError {
  return new ProaError(`linux.namespaces: "${path}" is the mount namespace of the runtime`, {
    kind: 'invalid',
    remedy: 'Leave the path out for a new one; without {"type": "mount"}, the root filesystem is used as it is',
  });
}

/** A namespace file; its type is checked by setns(2) itself. */
function openNamespace(path: string): OwnedFd {
  return step(`open namespace "${path}"`, () => openFile(path));
}

/** Offsets can be written until the first process is in the namespace. time_namespaces(7). */
function makeTimeNamespace(config: Config): void {
  unshareNamespaces(CLONE_NEWTIME, 'time');
  for (const [clock, { secs = 0, nanosecs = 0 }] of Object.entries(config.linux?.timeOffsets ?? {})) {
    writeFile('/proc/self/timens_offsets', `${clock} ${secs} ${nanosecs}\n`);
  }
}

function cloneInUserNamespace(
  userNamespace: OwnedFd,
  plan: NamespacePlan,
  cgroup: OwnedFd | undefined,
  forParent: boolean,
  body: () => number,
): Child {
  const [readEnd, writeEnd] = pipe();
  using answers = readEnd;
  // What it clones becomes its parent's child, and so does it.
  const helper = cloneProcess({ flags: forParent ? CLONE_PARENT : 0 }, () => {
    joinNamespace(userNamespace, CLONE_NEWUSER, plan.userPath ?? 'user namespace');
    const child = cloneProcess({ flags: plan.cloneFlags | CLONE_PARENT, cgroup }, body);
    writeAll(writeEnd.number, String(child.pid));
    return 0;
  });
  writeEnd.close();
  const text = textOf(readAll(answers.number));
  if (forParent) waitForEnd(helper.pidfd);
  else waitForChild(helper);
  helper.pidfd.close();
  const pid = Number(text);
  const pidfd = text === '' ? undefined : openProcess(pid);
  if (!pidfd) throw new ProaError(`cannot enter user namespace "${plan.userPath}"`, { kind: 'denied' });
  return { pid, pidfd };
}
