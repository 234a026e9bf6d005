import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';

/** Unmounts everything below a directory that is to be removed, also what is busy. Throws where something stays. */
export function unmountBelow(directory: string): void {
  if (!existsSync(directory)) return;
  const place = realpathSync(directory);
  for (const path of mountsBelow(place).reverse()) {
    // Those that it is a copy of, and shares with, stay. Some go by themselves meanwhile.
    spawnSync('mount', ['--make-private', path]);
    spawnSync('umount', ['-l', path]);
  }
  const left = mountsBelow(place);
  if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`);
}

/** The later over the earlier. proc_pid_mountinfo(5). */
function mountsBelow(place: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${place}/`));
}
