export type { LogSettings } from '#common/protocol/container.ts';

/** What Docker's users set by hand; here it is the default. */
export const defaultRotation = { maximumBytes: 10_000_000, files: 5, compress: true } as const;

export type LogStream = 'stdout' | 'stderr';

/**
 * A container's log. Records are written whole or not at all. What cannot be written (the disk is full, the file system
 * read-only) is dropped and counted, and when writing succeeds again, a record says how much was dropped since when.
 */
export interface LogWriter extends Disposable {
  /**
   * Takes the first `length` bytes of `bytes`, which the caller uses again afterwards. Never throws, never waits. An
   * unfinished line waits for its end in later calls, 16 KB of it at most; a call with no bytes writes what waits.
   */
  write(stream: LogStream, bytes: Uint8Array, length: number): void;
  /** The stream has ended: the rest of an unfinished line is written. */
  end(stream: LogStream): void;
  /** Closes the file and opens it anew by its path, as logrotate and Kubernetes want it. When that fails, the old file is kept and the failure thrown. */
  reopen(): void;
  /** Bytes that could not be written since the log was opened. */
  readonly droppedBytes: number;
}
