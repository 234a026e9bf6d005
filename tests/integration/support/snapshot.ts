import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** All that can be seen in a directory, the number of names of each file included, but in these of its directories. */
export function snapshot(guard: string, ...except: string[]): string[] {
  const lines: string[] = [];
  const visit = (path: string, isGuard: boolean): void => {
    const { mode, uid, gid, nlink, size, mtimeMs, ctimeMs, ino } = lstatSync(path);
    lines.push([path.slice(guard.length), ino, mode, uid, gid, nlink, size, mtimeMs, ctimeMs].join(' '));
    if (lstatSync(path).isSymbolicLink()) lines.push(readlinkSync(path));
    else if (lstatSync(path).isDirectory())
      for (const name of readdirSync(path).sort())
        if (!isGuard || !except.includes(name)) visit(join(path, name), false);
    if (lstatSync(path).isFile()) lines.push(readFileSync(path, 'utf8'));
  };
  visit(guard, true);
  return lines;
}
