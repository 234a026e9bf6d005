import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isCode } from '../images/content/errors.ts';

/** What the files below a directory take, each counted once however many names it has; directories take nothing. */
export async function usageOf(root: string): Promise<{ bytes: number; files: number }> {
  const seen = new Set<string>();
  let bytes = 0;
  const visit = async (path: string): Promise<void> => {
    let facts: Awaited<ReturnType<typeof lstat>>;
    try {
      facts = await lstat(path);
    } catch (error) {
      if (isCode(error, 'ENOENT')) return;
      throw error;
    }
    const key = `${facts.dev}:${facts.ino}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (!facts.isDirectory()) {
      bytes += facts.size;
      return;
    }
    // It may go while it is looked at.
    for (const name of await readdir(path).catch(() => [])) await visit(join(path, name));
  };
  await visit(root);
  return { bytes, files: seen.size };
}
