import { failureMessage } from '#common/protocol/failure.ts';
import { mountOverlay } from '#native/monitor/runtimes/overlay.ts';
import { commandLine } from '#sys/environment.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openDirectory, writeAll } from '#sys/files.ts';
import { changes } from './changes.ts';
import { type PackOptions, parsePack } from './options.ts';
import { Packer } from './pack.ts';

/** Packs a layer, or lists what is changed: the exit status. */
export function packMain(): number {
  try {
    const options = parsePack(commandLine());
    if ('text' in options) {
      writeAll(1, options.text);
      return 0;
    }
    using upper = options.merged ? openMerged(options) : openDirectory(options.upper);
    if (options.list) {
      // Open until the process ends.
      const lower = options.lower.map((path) => openDirectory(path));
      for (const change of changes(upper, lower)) writeAll(1, `${JSON.stringify(change)}\n`);
    } else new Packer(options).pack(upper);
    return 0;
  } catch (error) {
    writeAll(2, `${JSON.stringify(failureMessage(error))}\n`);
    return 1;
  }
}

/** The root of a mount that is attached nowhere; it is read alone, so that the upper directory is a layer like others. */
function openMerged({ upper, lower }: PackOptions): OwnedFd {
  return lower.length === 0 ? openDirectory(upper) : mountOverlay({ lower: [upper, ...lower] });
}
