import { failureMessage } from '#common/protocol/failure.ts';
import { mountOverlay } from '#native/monitor/runtimes/overlay.ts';
import { commandLine } from '#sys/environment.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { detailedStatusOf } from '#sys/file-status.ts';
import { openDirectory, openPath, writeAll } from '#sys/files.ts';
import { changes } from './changes.ts';
import { differencesOfCopy } from './copy.ts';
import { type Difference, differencesOfTree, differencesOfUpper } from './differences.ts';
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
    using root = options.merged ? openMerged(options) : openDirectory(options.upper);
    // Open until the process ends.
    const lower = options.merged ? [] : options.lower.map((path) => openDirectory(path));
    const differences = differencesOf(root, lower, options);
    if (options.list)
      for (const change of changes(root, lower, differences)) writeAll(1, `${JSON.stringify(change)}\n`);
    else new Packer(options).pack(root, differences);
    return 0;
  } catch (error) {
    writeAll(2, `${JSON.stringify(failureMessage(error))}\n`);
    return 1;
  }
}

function differencesOf(root: OwnedFd, lower: OwnedFd[], { merged, copied }: PackOptions): Iterable<Difference> {
  if (merged) return differencesOfTree(root);
  if (copied === undefined) return differencesOfUpper(root);
  using made = openPath(copied);
  return differencesOfCopy(root, lower, detailedStatusOf(made.number, '').modified);
}

/** The root of a mount that is attached nowhere; it is read alone, so that the upper directory is a layer like others. */
function openMerged({ upper, lower }: PackOptions): OwnedFd {
  return lower.length === 0 ? openDirectory(upper) : mountOverlay({ lower: [upper, ...lower] });
}
