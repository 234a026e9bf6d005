import { check } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import { listDirectory, openFile, readAll, readLink, writeAll } from '#sys/files.ts';
import { openInRootIfAny } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';

/** The option that gives a tmpfs the permissions of the directory that it will cover, as in runc; none where none is. */
export function coveredMode(root: OwnedFd, destination: string): string[] {
  using covered = openInRootIfAny(root.number, destination, raw.O_PATH | raw.O_DIRECTORY);
  return covered ? [`mode=${(statusOf(covered.number).mode & 0o7777).toString(8)}`] : [];
}

/** Copies what a directory of the image holds into the new file system that will cover it (`tmpcopyup`). */
export function copyTree(from: OwnedFd, to: OwnedFd): void {
  const top = statusOf(from.number);
  check(raw.fchmodat(to.number, '.', top.mode & 0o7777), 'fchmodat', '.');
  check(raw.fchownat(to.number, '.', top.uid, top.gid, 0), 'fchownat', '.');
  // An O_PATH handle cannot be listed.
  using source = openFile('.', { flags: raw.O_DIRECTORY, at: from.number });
  using target = openFile('.', { flags: raw.O_DIRECTORY, at: to.number });
  copyEntries(source, target);
}

function copyEntries(from: OwnedFd, to: OwnedFd): void {
  for (const name of listDirectory('.', from.number)) {
    const status = statusOf(from.number, name);
    const mode = status.mode & 0o7777;
    if (status.kind === 'directory') {
      check(raw.mkdirat(to.number, name, mode), 'mkdirat', name);
      using source = openFile(name, { flags: raw.O_DIRECTORY | raw.O_NOFOLLOW, at: from.number });
      using target = openFile(name, { flags: raw.O_DIRECTORY | raw.O_NOFOLLOW, at: to.number });
      copyEntries(source, target);
    } else if (status.kind === 'symlink') {
      check(raw.symlinkat(readLink(name, from.number), to.number, name), 'symlinkat', name);
    } else if (status.kind === 'file') {
      using source = openFile(name, { flags: raw.O_NOFOLLOW, at: from.number });
      using target = openFile(name, { flags: raw.O_WRONLY | raw.O_CREAT | raw.O_EXCL, mode, at: to.number });
      writeAll(target.number, readAll(source.number, name), name);
    } else continue;
    check(raw.fchownat(to.number, name, status.uid, status.gid, raw.AT_SYMLINK_NOFOLLOW), 'fchownat', name);
    if (status.kind !== 'symlink') check(raw.fchmodat(to.number, name, mode), 'fchmodat', name);
  }
}
