import { textOf } from './bytes.ts';
import { environmentVariable } from './environment.ts';
import { check } from './errors.ts';
import { openPath, readLink } from './files.ts';
import { getcwd } from './raw/file.ts';

/** The path of the working directory. getcwd(2). */
export function workingDirectory(): string {
  const buffer = new Uint8Array(4096);
  return textOf(buffer, check(getcwd(buffer), 'getcwd') - 1);
}

/** The path that a relative one means from here, without `.` and `..`; `~/` is the home of the user. */
export function absolutePath(path: string): string {
  if (path === '~' || path.startsWith('~/'))
    return absolutePath(`${environmentVariable('HOME') ?? '/'}${path.slice(1)}`);
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${workingDirectory()}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The path of what a path leads to, without links. proc_pid_fd(5). */
export function realPath(path: string): string {
  using file = openPath(path);
  return readLink(`/proc/self/fd/${file.number}`);
}
