import type { PathStatus } from '#common/protocol/files.ts';

const DIRECTORY = 0x80000000;
const SYMLINK = 0x08000000;
const DEVICE = 0x04000000;
const PIPE = 0x02000000;
const SOCKET = 0x01000000;
const CHARACTER = 0x00200000;

/** File types of inode(7), as Go's os.FileMode has them. */
const types = new Map([
  [0o040000, DIRECTORY],
  [0o120000, SYMLINK],
  [0o060000, DEVICE],
  [0o020000, DEVICE + CHARACTER],
  [0o010000, PIPE],
  [0o140000, SOCKET],
]);

/** The header that says what a path is: JSON in base64. Engine API, "ContainerArchiveInfo". */
export function pathStat({ name, size, mode, mtime, linkTarget }: PathStatus): string {
  return Buffer.from(JSON.stringify({ name, size, mode: goMode(mode), mtime, linkTarget })).toString('base64');
}

export function goMode(mode: number): number {
  const special =
    (mode & 0o4000 ? 0x00800000 : 0) + (mode & 0o2000 ? 0x00400000 : 0) + (mode & 0o1000 ? 0x00100000 : 0);
  return (types.get(mode & 0o170000) ?? 0) + special + (mode & 0o777);
}
