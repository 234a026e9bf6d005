import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCode } from '../../images/content/errors.ts';

const directories = ['dev', 'proc', 'sys', 'etc'];
/** Places of files that are bound over them; the first tells programs that they are in a container. */
const files = ['.dockerenv', 'etc/hostname', 'etc/hosts', 'etc/resolv.conf'];

/**
 * One layer between every image and its containers: what mounts need to stand on. So it is not among what a container has
 * changed, as with Docker. Answers its path.
 */
export async function makeInitLayer(root: string): Promise<string> {
  for (const name of directories) {
    await mkdir(join(root, name), { recursive: true });
    await chmod(join(root, name), 0o755);
  }
  await chmod(root, 0o755);
  // Written once: to one that was written again, copies that were made of it would be different.
  for (const name of files) await unlessThere(() => writeFile(join(root, name), '', { mode: 0o755, flag: 'wx' }));
  await unlessThere(() => symlink('/proc/mounts', join(root, 'etc/mtab')));
  return root;
}

async function unlessThere(make: () => Promise<unknown>): Promise<void> {
  try {
    await make();
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  }
}
