import { check, uninterrupted } from './errors.ts';
import type { OwnedFd } from './fd.ts';
import { memoryFile } from './memory-file.ts';
import * as raw from './raw/file.ts';

/**
 * Lets one of several processes of a family act at a time: a record lock on a file that only they have. It belongs to a
 * process rather than to a descriptor, so that a clone does not have what its parent holds, and ends with the process.
 * fcntl(2), "Advisory record locking".
 */
export class Mutex implements Disposable {
  readonly fd: OwnedFd = memoryFile('proa-mutex');

  /** Whether it is ours now: not while another process holds it. */
  tryTake(): boolean {
    return raw.fcntl(this.fd.number, raw.F_SETLK, raw.flockLayout.pack({ type: raw.F_WRLCK })) === 0;
  }

  /** Waits for it. */
  take(): void {
    const lock = raw.flockLayout.pack({ type: raw.F_WRLCK });
    check(
      uninterrupted(() => raw.fcntl(this.fd.number, raw.F_SETLKW, lock)),
      'fcntl',
      'F_SETLKW',
    );
  }

  release(): void {
    raw.fcntl(this.fd.number, raw.F_SETLK, raw.flockLayout.pack({ type: raw.F_UNLCK }));
  }

  [Symbol.dispose](): void {
    this.fd.close();
  }
}
