import { describe } from '#common/errors.ts';
import type { OverlayTrial } from '#common/protocol/files.ts';
import { mountOverlay } from '#native/monitor/runtimes/overlay.ts';
import { EMFILE, ENFILE, ENOMEM, ENOSPC } from '#sys/errno.ts';
import { isErrno, SystemError } from '#sys/errors.ts';
import { makeDirectory, removeDirectory } from '#sys/files.ts';

/** What is so at this moment alone says nothing about an overlay. */
const passing = [ENOSPC, ENOMEM, EMFILE, ENFILE];

/**
 * Some file systems let themselves be mounted over, and refuse to hide a file then, or give a mount that is read-only:
 * Documentation/filesystems/overlayfs.rst, "Upper and Lower", "whiteouts and opaque directories".
 */
export function tryOverlay(directory: string): OverlayTrial {
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => `${directory}/${name}`) as [
    string,
    string,
    string,
  ];
  for (const path of [lower, `${lower}/hidden`, upper, work]) makeDirectory(path, 0o700);
  try {
    using mount = mountOverlay({ lower: [lower], upper, work });
    removeDirectory('hidden', mount.number);
    makeDirectory('hidden', 0o700, mount.number);
    return { refused: null };
  } catch (error) {
    if (!(error instanceof SystemError) || isErrno(error, ...passing)) throw error;
    return { refused: describe(error) };
  }
}
