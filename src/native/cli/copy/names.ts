/** How names in an archive are changed: the first part `from` becomes `to`. Byte text: native/unpack/names.ts. */
export interface Rebase {
  from: string;
  to: string;
}

/** The name that an entry gets; undefined for one that does not lie in `from`. */
export function rebasedName(name: string, { from, to }: Rebase): string | undefined {
  const clean = name.replace(/^(\.\/)+/, '').replace(/^\/+/, '');
  if (from === '.') return clean === '' || clean === '.' ? to : `${to}/${clean}`;
  if (clean === from || clean === `${from}/`) return to + clean.slice(from.length);
  return clean.startsWith(`${from}/`) ? to + clean.slice(from.length) : undefined;
}

/** A path as the directory and the name in there; what ends with `/.` means what is in a directory. */
export function splitEntry(path: string): { directory: string; base: string } {
  const clean = cleanPath(path);
  if (meansContents(path)) return { directory: clean, base: '.' };
  const slash = clean.lastIndexOf('/');
  if (clean === '/') return { directory: '/', base: '/' };
  return { directory: slash <= 0 ? '/' : clean.slice(0, slash), base: clean.slice(slash + 1) };
}

export function meansContents(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}

/** The caller says that it is a directory. */
export function endsAsDirectory(path: string): boolean {
  return path.endsWith('/') || meansContents(path);
}

function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
