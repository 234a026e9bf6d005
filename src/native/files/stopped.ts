import type { OverlaySettings } from '#common/protocol/container.ts';
import type { FilesMount, FilesRoot } from '#common/protocol/files.ts';
import { mountOverlay } from '#native/monitor/runtimes/overlay.ts';
import { cloneFound } from '#runtime/rootfs/found-sources.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import { makeDirectory, openPath } from '#sys/files.ts';
import { attachMount, cloneMount, createMount, setMountAttributes, setPropagation } from '#sys/mounts.ts';
import { unshareNamespaces } from '#sys/namespaces.ts';
import { makeInRoot } from '#sys/paths.ts';
import { MOUNT_ATTR_RDONLY, MS_PRIVATE } from '#sys/raw/mount.ts';
import { CLONE_NEWNS } from '#sys/raw/process.ts';

type Stopped = Extract<FilesRoot, { mounts: unknown }>;

/**
 * The root of a container that does not run, with its mounts, in a mount namespace that is this process's own: it goes
 * with the process, however that ends. Documentation/filesystems/overlayfs.rst.
 */
export function mountStopped(stopped: Stopped, use: 'read-only' | 'writable'): OwnedFd {
  const { mounts } = stopped;
  unshareNamespaces(CLONE_NEWNS, 'mount');
  // What is mounted from now on must not reach the host, and what the host mounts is of no use here.
  setPropagation('/', MS_PRIVATE);
  // All that is a path of the host is opened before anything can hide it.
  const sources = mounts.map((mount) => openSource(mount));
  const readOnly = use === 'read-only';
  const root = mountRoot(stopped, readOnly);
  attach(root);
  for (const [index, { destination }] of mounts.entries()) {
    using source = sources[index] as OwnedFd;
    const kind = statusOf(source.number).kind === 'directory' ? 'directory' : 'file';
    using target = makeInRoot(root.number, destination, kind);
    attachMount(source, target, destination);
  }
  if (readOnly) setMountAttributes(root.number, { set: MOUNT_ATTR_RDONLY }, { object: 'root' });
  return root;
}

/** A copy of an image's files gets the mount points that are missing, as it does when its container is started. */
function mountRoot(stopped: Stopped, readOnly: boolean): OwnedFd {
  if ('directory' in stopped) return cloneMount(stopped.directory);
  return readOnly ? mountOverScratch(stopped.overlay) : mountOverlay(stopped.overlay);
}

/**
 * The container's own layer becomes one of those that are only read. What overlayfs needs to write, and mount points that
 * are missing, go to memory: one layer alone could not be mounted without.
 */
function mountOverScratch({ lower, upper }: OverlaySettings): OwnedFd {
  using scratch = createMount({ type: 'tmpfs', options: ['mode=755'] });
  attach(scratch);
  makeDirectory('upper', 0o755, scratch.number);
  makeDirectory('work', 0o755, scratch.number);
  const path = `/proc/self/fd/${scratch.number}`;
  const layers = upper === undefined ? lower : [upper, ...lower];
  return mountOverlay({ lower: layers, upper: `${path}/upper`, work: `${path}/work` });
}

/** Gives a mount a place in this namespace, as others can be put on it only then: over the root, where no path leads. */
function attach(mount: OwnedFd): void {
  using target = openPath('/');
  attachMount(mount, target, '/');
}

function openSource({ source, subpath, readOnly }: FilesMount): OwnedFd {
  const found = subpath === undefined ? undefined : cloneFound({ source, subdirectory: subpath, recursive: true });
  const tree = found ?? cloneMount(source, { recursive: true });
  setMountAttributes(
    tree.number,
    { set: readOnly ? MOUNT_ATTR_RDONLY : 0, propagation: MS_PRIVATE },
    { recursive: true },
  );
  return tree;
}
