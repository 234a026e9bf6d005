import { ProaError } from '#common/errors.ts';
import type { Config, IdMapping } from '#common/runtime-spec/types.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openFile } from '#sys/files.ts';
import { setMountAttributes } from '#sys/mounts.ts';
import { cloneProcess, SIGKILL, signalProcess, waitForChild } from '#sys/processes.ts';
import { MOUNT_ATTR_IDMAP } from '#sys/raw/mount.ts';
import { CLONE_NEWUSER } from '#sys/raw/process.ts';
import { receiveMessage, socketPair } from '#sys/sockets.ts';
import { writeIdMappings } from '../namespaces/user.ts';
import type { MountPlan } from './mount-options.ts';

/** Makes a detached mount show its files with mapped owners. mount_setattr(2), "ID-mapped mounts". */
export function mapIds(tree: OwnedFd, mapping: NonNullable<MountPlan['idMapped']>, config: Config, path: string): void {
  const uidMappings = mapping.uidMappings ?? config.linux?.uidMappings;
  const gidMappings = mapping.gidMappings ?? config.linux?.gidMappings;
  if (!uidMappings || !gidMappings) {
    throw new ProaError(`mount "${path}" is to be id-mapped, but neither it nor the container has mappings`, {
      kind: 'invalid',
      remedy: 'Give the mount uidMappings and gidMappings',
    });
  }
  using userNamespace = openUserNamespace(uidMappings, gidMappings);
  setMountAttributes(
    tree.number,
    { set: MOUNT_ATTR_IDMAP, userNamespace },
    { recursive: mapping.recursive, object: path },
  );
}

/** A user namespace with these mappings that no process is in. A short-lived process makes it. */
function openUserNamespace(uidMappings: IdMapping[], gidMappings: IdMapping[]): OwnedFd {
  const [ours, theirs] = socketPair();
  using parentEnd = ours;
  const helper = cloneProcess({ flags: CLONE_NEWUSER }, () => {
    parentEnd.close();
    receiveMessage(theirs);
    return 0;
  });
  theirs.close();
  using pidfd = helper.pidfd;
  try {
    writeIdMappings(helper.pid, uidMappings, gidMappings);
    return openFile(`/proc/${helper.pid}/ns/user`);
  } finally {
    signalProcess(pidfd, SIGKILL);
    waitForChild(helper);
  }
}
