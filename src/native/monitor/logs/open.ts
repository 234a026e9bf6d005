import { FileWriter } from './file-writer.ts';
import type { LogSettings, LogWriter } from './types.ts';

/** Opens a container's log; one that is there already is continued. Throws when the file cannot be opened. */
export function openLog(settings: LogSettings): LogWriter {
  return settings.format === 'none' ? silent : new FileWriter(settings);
}

const silent: LogWriter = {
  write() {},
  end() {},
  reopen() {},
  droppedBytes: 0,
  [Symbol.dispose]() {},
};
