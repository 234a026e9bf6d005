import { type FailureMessage, failureMessage, RemoteFailure } from '#common/protocol/failure.ts';
import type { CopyUp } from '#common/protocol/files.ts';
import { Archive } from '#native/pack/archive.ts';
import { extract } from '#native/unpack/extract.ts';
import { kernelPath } from '#native/unpack/names.ts';
import { emptiedAfter } from '#native/unpack/remove.ts';
import { textOf } from '#sys/bytes.ts';
import { ENOENT, ENOTDIR, EPIPE } from '#sys/errno.ts';
import { OwnedFd, pipe } from '#sys/fd.ts';
import { listNames, openDirectory, readAll, writeAll } from '#sys/files.ts';
import { resolveInRoot } from '#sys/paths.ts';
import { cloneProcess, waitForChild } from '#sys/processes.ts';
import * as raw from '#sys/raw/file.ts';
import { addTree } from './get.ts';
import { failedPath, requestedPath } from './paths.ts';

/** Copies a directory into one of the host that is empty, and is empty again after a failure. */
export function copyUp(root: OwnedFd, path: string, target: string): CopyUp {
  using volume = openDirectory(target);
  using source = openSource(root, path);
  if (!source || listNames('.', volume.number).length > 0) return { copied: false };
  try {
    copyTree(source, volume);
    return { copied: true };
  } catch (error) {
    throw emptiedAfter(volume, error);
  }
}

function openSource(root: OwnedFd, text: string): OwnedFd | undefined {
  const { path } = requestedPath(text);
  const flags = raw.O_PATH | raw.O_DIRECTORY;
  const fd = resolveInRoot(root.number, path === '' ? '.' : kernelPath(path), flags, 0);
  if (fd === -ENOENT || fd === -ENOTDIR) return undefined;
  if (fd < 0) throw failedPath(root, path, -fd);
  return new OwnedFd(fd);
}

/** By way of an archive: a child writes it while this process, which can be ended by signals meanwhile, extracts it. */
function copyTree(source: OwnedFd, volume: OwnedFd): void {
  const [archiveOut, archiveIn] = pipe();
  const [complaintOut, complaintIn] = pipe();
  using complaints = complaintOut;
  const child = cloneProcess({}, () => {
    archiveOut.close();
    return writeTo(archiveIn, complaintIn, source);
  });
  archiveIn.close();
  complaintIn.close();
  let failure: unknown;
  try {
    extract(volume, { whiteouts: 'none', fd: archiveOut.number });
  } catch (error) {
    failure = error;
  }
  // A child that still writes ends now, and that is none of its faults.
  archiveOut.close();
  const complaint = textOf(readAll(complaints.number, 'pipe'));
  waitForChild(child);
  child.pidfd.close();
  const message = complaint === '' ? undefined : (JSON.parse(complaint) as FailureMessage);
  // Its own fault is why the archive was cut off.
  if (message && message.errno !== EPIPE) throw new RemoteFailure(message);
  if (failure !== undefined) throw failure;
}

function writeTo(archiveIn: OwnedFd, complaintIn: OwnedFd, source: OwnedFd): number {
  try {
    const archive = new Archive({ fd: archiveIn.number, acls: true, shortened: 'fail' });
    addTree(archive, source, { name: '.', vanished: 'fail' });
    archive.end();
    return 0;
  } catch (error) {
    writeAll(complaintIn.number, JSON.stringify(failureMessage(error)));
    return 1;
  }
}
