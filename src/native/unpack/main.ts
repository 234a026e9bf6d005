import { kindOf, ProaError } from '#common/errors.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import { TarReader } from '#common/tar/reader.ts';
import { scanHeader } from '#sys/bytes.ts';
import { commandLine } from '#sys/environment.ts';
import { ENODATA, EOPNOTSUPP } from '#sys/errno.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { listNames, openDirectory, statusOf, writeAll } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';
import { getegid, geteuid } from '#sys/raw/process.ts';
import { blockSignals, openSignals, SIGHUP, SIGINT, SIGPIPE, SIGTERM } from '#sys/signals.ts';
import { Attributes } from './attributes.ts';
import { FileData } from './file-data.ts';
import { Input } from './input.ts';
import { parseUnpack, type UnpackOptions } from './options.ts';
import { emptyDirectory } from './remove.ts';
import { Unpacker } from './unpacker.ts';

/** Held in memory of the archive. Larger ones fall out of the processor's cache between read and write. */
const WINDOW = 1 << 18;

/** Unpacks standard input: the exit status. */
export function unpackMain(): number {
  try {
    const options = parseUnpack(commandLine());
    writeAll(1, 'text' in options ? options.text : `${JSON.stringify(unpack(options))}\n`);
    return 0;
  } catch (error) {
    writeAll(2, `${JSON.stringify(failureMessage(error))}\n`);
    return 1;
  }
}

interface Result {
  entries: number;
  bytes: number;
  /** Devices and extended attributes that the kernel or the file system did not take. */
  refused: number;
}

function unpack(options: UnpackOptions): Result {
  const ending = [SIGHUP, SIGINT, SIGTERM];
  blockSignals([...ending, SIGPIPE]);
  using signals = openSignals(ending);
  using root = openDirectory(options.root);
  const overlay = options.whiteouts === 'overlay';
  // What is in there after a failure is removed, so it must all be ours.
  if (overlay && listNames('.', root.number).length > 0)
    throw new ProaError(`"${options.root}" is not empty`, { kind: 'conflict' });
  raw.umask(0);
  const input = new Input(signals);
  const reader = new TarReader((into) => input.read(into), {
    windowBytes: WINDOW,
    scan: scanHeader,
    maximumEntries: options.maximumEntries,
    maximumBytes: options.maximumBytes,
  });
  const attributes = new Attributes({
    uidMap: options.uidMap,
    gidMap: options.gidMap,
    asMade: overlay && givesNothingOn(root),
    own: { uid: geteuid(), gid: getegid() },
  });
  const data = new FileData(reader, input);
  try {
    new Unpacker({ reader, root, whiteouts: options.whiteouts, attributes, data }).unpack();
  } catch (error) {
    if (overlay) throw afterRemoval(root, error);
    throw new ProaError(`"${options.root}" is in an unknown state`, { kind: kindOf(error), cause: error });
  }
  return { entries: reader.entries, bytes: reader.bytes, refused: attributes.refused };
}

/** Whether files made below get this process's group and the permissions they are made with: inode(7), acl(5). */
function givesNothingOn(root: OwnedFd): boolean {
  const S_ISGID = 0o2000;
  return (
    (statusOf(root.number).mode & S_ISGID) === 0 &&
    // With a default list the answer is its size or ERANGE.
    [-ENODATA, -EOPNOTSUPP].includes(raw.fgetxattr(root.number, 'system.posix_acl_default', new Uint8Array(1)))
  );
}

function afterRemoval(root: OwnedFd, error: unknown): unknown {
  try {
    emptyDirectory(root);
    return error;
  } catch (removal) {
    const { message } = failureMessage(removal);
    return new ProaError(`Cannot remove what was unpacked (${message})`, { kind: kindOf(error), cause: error });
  }
}
