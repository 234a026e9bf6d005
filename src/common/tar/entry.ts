import type { EntryKind } from './format.ts';
import type { Time } from './time.ts';

/** Bytes of a sparse file that the archive holds; all others are zero. */
export interface Segment {
  offset: number;
  length: number;
}

export interface Attribute {
  name: Uint8Array;
  value: Uint8Array;
}

export interface Entry {
  kind: EntryKind;
  /** As the archive has it: possibly absolute, with `..`, or not UTF-8. Never holds NUL. */
  name: Uint8Array;
  /** Where a symbolic or hard link leads; empty for others. */
  link: Uint8Array;
  /** Permission bits: 07777 at most. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of data in the archive. */
  size: number;
  /** Bytes of the file: more than `size` where it is sparse. */
  realSize: number;
  modified: Time;
  accessed: Time | undefined;
  major: number;
  minor: number;
  attributes: Attribute[];
  segments: Segment[] | undefined;
  /** Counts from 1; headers about entries count with theirs. */
  entry: number;
}
