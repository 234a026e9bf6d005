import { kindOf, ProaError } from '#common/errors.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import { commandLine } from '#sys/environment.ts';
import { ENODATA, EOPNOTSUPP } from '#sys/errno.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import { listNames, openDirectory, writeAll } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';
import { type Extracted, extract } from './extract.ts';
import { Growth } from './growth.ts';
import { parseUnpack, type UnpackOptions } from './options.ts';
import { Packed } from './packed.ts';
import { emptiedAfter } from './remove.ts';

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

function unpack(options: UnpackOptions): Extracted & { digest?: string } {
  using root = openDirectory(options.root);
  const isNew = options.whiteouts !== 'apply';
  // What is in there after a failure is removed, so it must all be ours.
  if (isNew && listNames('.', root.number).length > 0)
    throw new ProaError(`"${options.root}" is not empty`, { kind: 'conflict' });
  try {
    const { grows } = options;
    const packed = new Packed({ ...options, onProgress: options.progress ? tellProgress : undefined });
    const extracted = extract(root, {
      ...options,
      through: packed.through,
      growth: grows === undefined ? undefined : new Growth(grows),
      asMade: isNew && givesNothingOn(root),
    });
    const digest = packed.digest();
    return { ...extracted, ...(digest !== undefined && { digest }) };
  } catch (error) {
    if (isNew) throw emptiedAfter(root, error);
    throw new ProaError(`"${options.root}" is in an unknown state`, { kind: kindOf(error), cause: error });
  }
}

function tellProgress(bytes: number): void {
  writeAll(1, `${bytes}\n`);
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
