// A file system of its own for all that is measured: ext4 as mkfs.ext4 makes it, in a file. The machine's may be one that
// nobody has: ext4 without a journal looks at each inode that was deleted in the last minutes before it makes a file, which
// after a few rounds is nearly all that a benchmark of this kind measures.
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { needPackages } from '../../tools/system.mjs';

const BYTES = 24 * 2 ** 30;

/** `path` is where it is mounted, `end` unmounts and removes it. The file has holes for what is not used. */
export function openFileSystem(directory) {
  needPackages(['e2fsprogs', 'mount']);
  const place = mkdtempSync(join(directory, 'proa-bench-pull-'));
  const image = join(place, 'image');
  const path = join(place, 'files');
  const end = () => rmSync(place, { recursive: true, force: true });
  try {
    const file = openSync(image, 'wx');
    ftruncateSync(file, BYTES);
    closeSync(file);
    execFileSync('mkfs.ext4', ['-q', image]);
    mkdirSync(path);
    execFileSync('mount', ['-o', 'loop', image, path]);
  } catch (error) {
    end();
    throw error;
  }
  return {
    path,
    end() {
      execFileSync('umount', [path]);
      end();
    },
  };
}
