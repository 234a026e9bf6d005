export interface LogWriter extends Disposable {
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array, length: number): void;
  end(stream: 'stdout' | 'stderr'): void;
  reopen(): void;
  readonly droppedBytes: number;
}

import type { LogSettings } from '#common/protocol/container.ts';
import { openFile, writeAll } from '#sys/files.ts';
import { O_APPEND, O_CREAT, O_WRONLY } from '#sys/raw/file.ts';
export function openLog(s: LogSettings): LogWriter {
  const f = s.format === 'none' ? undefined : openFile(s.path, { flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o600 });
  return {
    write(_n, b, l) {
      if (f) writeAll(f.number, b.subarray(0, l));
    },
    end() {},
    reopen() {},
    droppedBytes: 0,
    [Symbol.dispose]() {
      f?.close();
    },
  };
}
