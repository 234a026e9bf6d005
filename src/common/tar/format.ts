export const BLOCK = 512;

/** Bytes that `size` bytes of data take in an archive. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** Where the fields of a header are: POSIX pax(1), "ustar Interchange Format", and GNU tar manual, "Basic Tar Format". */
export const at = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  checksum: 148,
  type: 156,
  link: 157,
  magic: 257,
  major: 329,
  minor: 337,
  prefix: 345,
  gnuSparse: 386,
  gnuIsExtended: 482,
  gnuRealSize: 483,
  starTrailer: 508,
} as const;

export type EntryKind = 'file' | 'directory' | 'symlink' | 'link' | 'character' | 'block' | 'fifo';

/** Type flags of entries; all others are headers about entries, or refused. */
export const kinds: { readonly [flag: number]: EntryKind } = {
  0: 'file',
  48: 'file',
  49: 'link',
  50: 'symlink',
  51: 'character',
  52: 'block',
  53: 'directory',
  54: 'fifo',
  55: 'file', // contiguous
  68: 'directory', // GNU's incremental dump: its data are names
  83: 'file', // GNU's old sparse format
};
