import type { Device, IdMapping, Linux } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { check } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { makeNode, openPath } from '#sys/files.ts';
import { attachMount, cloneMount, createMount, setPropagation } from '#sys/mounts.ts';
import { type Child, cloneProcess, waitForChild } from '#sys/processes.ts';
import { AT_SYMLINK_NOFOLLOW, fchownat, umask } from '#sys/raw/file.ts';
import { MS_PRIVATE } from '#sys/raw/mount.ts';
import { CLONE_NEWNS } from '#sys/raw/process.ts';
import { socketPair } from '#sys/sockets.ts';
import { Line, messages } from '../process/spawn-protocol.ts';
import { fileTypes } from './devices.ts';

/**
 * The configuration's device files for a user namespace, where mknod(2) is forbidden: as detached mounts, in the order
 * of `devices`. A new namespace gets files of its own, with mode and owner as the configuration has them. Whose ids the
 * owners in a namespace that is joined are is not known, so there the host's files serve.
 */
export function openDevicesOutside(devices: readonly Device[], linux: Linux): OwnedFd[] {
  const joins = linux.namespaces?.some(({ type, path }) => type === 'user' && path);
  if (!joins) return step('make devices for the user namespace', () => makeOutside(devices, linux));
  return devices.map(({ path }) => step(`open host device "${path}"`, () => cloneMount(path)));
}

/** A helper makes them, in a mount namespace of its own: until Linux 6.15, what is mounted nowhere cannot be cloned. */
function makeOutside(devices: readonly Device[], linux: Linux): OwnedFd[] {
  const [ours, theirs] = socketPair();
  using parentEnd = ours;
  const helper = cloneProcess({ flags: CLONE_NEWNS }, () => {
    ours.close();
    return makeAndSend(new Line(theirs), devices, linux);
  });
  theirs.close();
  return receiveDevices(new Line(parentEnd), helper, devices.length);
}

function receiveDevices(line: Line, helper: Child, count: number): OwnedFd[] {
  const received: OwnedFd[] = [];
  try {
    while (received.length < count) received.push(...line.await(messages.built).fds);
    return received;
  } catch (error) {
    for (const fd of received) fd.close();
    throw error;
  } finally {
    helper.pidfd.close();
    waitForChild(helper);
  }
}

/** Each `built` carries one device. */
function makeAndSend(line: Line, devices: readonly Device[], linux: Linux): number {
  try {
    setPropagation('/', MS_PRIVATE);
    using directory = createMount({ type: 'tmpfs', source: 'tmpfs' });
    using place = openPath('/dev');
    attachMount(directory, place, '/dev');
    umask(0);
    for (const [index, device] of devices.entries()) {
      using made = makeDevice(directory, String(index), device, linux);
      line.tell(messages.built, '', [made.number]);
    }
    return 0;
  } catch (error) {
    line.fail(error);
    return 1;
  }
}

function makeDevice(directory: OwnedFd, name: string, device: Device, linux: Linux): OwnedFd {
  const { type, path, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 } = device;
  makeNode(name, fileTypes[type] | (fileMode & 0o7777), { major, minor }, directory.number);
  const owner = [hostId(uid, linux.uidMappings), hostId(gid, linux.gidMappings)] as const;
  check(fchownat(directory.number, name, ...owner, AT_SYMLINK_NOFOLLOW), 'fchownat', path);
  return cloneMount(name, { at: directory.number, object: path });
}

/** Shown for ids without a mapping: user_namespaces(7). */
const OVERFLOW_ID = 65534;

/** The host's number for an id of the user namespace. */
export function hostId(id: number, mappings: readonly IdMapping[] = []): number {
  const mapping = mappings.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return mapping ? mapping.hostID + id - mapping.containerID : OVERFLOW_ID;
}
