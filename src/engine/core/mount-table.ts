import { readFileSync, realpathSync } from 'node:fs';

export interface MountedPlace {
  path: string;
  /** Mounts below it appear in other mount namespaces, or come from there: mount_namespaces(7), "Shared subtrees". */
  isShared: boolean;
  isSlave: boolean;
}

/** All mounts that this process sees, the later ones over the earlier. */
export function mountTable(): MountedPlace[] {
  return parseMountTable(readFileSync('/proc/self/mountinfo', 'latin1'));
}

/** Each byte of the text is a character. proc_pid_mountinfo(5). */
export function parseMountTable(text: string): MountedPlace[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, , , , place = '', , ...rest] = line.split(' ');
      const tags = rest.slice(0, rest.indexOf('-'));
      const has = (tag: string) => tags.some((one) => one.startsWith(`${tag}:`));
      return { path: unescaped(place), isShared: has('shared'), isSlave: has('master') };
    });
}

/** The mount that a path is on. */
export function mountOf(path: string): MountedPlace | undefined {
  return mountAround(realpathSync(path), mountTable());
}

/** `place` holds no links. */
export function mountAround(place: string, table: readonly MountedPlace[]): MountedPlace | undefined {
  const around = table.filter((one) => `${place}/`.startsWith(one.path === '/' ? '/' : `${one.path}/`));
  // Of several at one place the last hides the others.
  return around.reduce<MountedPlace | undefined>(
    (best, one) => (best && best.path.length > one.path.length ? best : one),
    undefined,
  );
}

export function isMounted(directory: string): boolean {
  const place = realpathSync(directory);
  return mountTable().some(({ path }) => path === place);
}

/** Whether a directory holds mounts, or is one. */
export function holdsMounts(directory: string): boolean {
  const place = realpathSync(directory);
  return mountTable().some(({ path }) => path === place || path.startsWith(`${place}/`));
}

/** A blank, a tab, a line feed and a backslash are told as octal numbers. */
function unescaped(text: string): string {
  const bytes = text.replace(/\\(\d{3})/g, (_all, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
  return Buffer.from(bytes, 'latin1').toString();
}
