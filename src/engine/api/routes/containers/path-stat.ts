import type { PathStatus } from '#common/protocol/files.ts';

/** File types of inode(7), as Go's os.FileMode has them. */
const types: Record<number, number> = {
  9604: 0x80000000,
  21609: 0x08000000,
  14406: 0x04000000,
  4802: 0x04000000 | 0x00200000,
  2401: 0x02000000,
  26411: 0x01000000,
};

/** The header that says what a path is: JSON in base64. Engine API, "ContainerArchiveInfo". */
export function pathStat({ name, size, mode, mtime, linkTarget }: PathStatus): string {
  return Buffer.from(JSON.stringify({ name, size, mode: goMode(mode), mtime, linkTarget })).toString('base64');
}

export function goMode(mode: number): number {
  const special =
    (mode & 0o4000 ? 0x00800000 : 0) + (mode & 0o2000 ? 0x00400000 : 0) + (mode & 0o1000 ? 0x00100000 : 0);
  return (types[mode & 0o170000] ?? 0) + special + (mode & 0o777);
}
