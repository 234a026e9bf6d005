import { failureMessage } from '#common/protocol/failure.ts';
import { commandLine } from '#sys/environment.ts';
import { openDirectory, writeAll } from '#sys/files.ts';
import { changes } from './changes.ts';
import { parsePack } from './options.ts';
import { Packer } from './pack.ts';

/** Packs a layer, or lists what is changed: the exit status. */
export function packMain(): number {
  try {
    const options = parsePack(commandLine());
    if ('text' in options) {
      writeAll(1, options.text);
      return 0;
    }
    using upper = openDirectory(options.upper);
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
