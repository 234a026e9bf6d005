// Root filesystems of Debian, made by debootstrap from the mirror that this machine uses.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { debianMirror } from './quickjs.mjs';
import { lastLine, needPackages, needRoot, stop } from './system.mjs';

/** Makes a root at `directory`, which must not be there. Ends the process with one sentence when that cannot be done. */
export function debootstrap(directory, { suite, packages = [] }) {
  needRoot('a Debian root filesystem');
  needPackages(['debootstrap', 'debian-archive-keyring']);
  mkdirSync(dirname(directory), { recursive: true });
  const include = packages.length > 0 ? [`--include=${packages.join(',')}`] : [];
  const words = ['--variant=minbase', ...include, suite, directory, debianMirror()];
  const made = spawnSync('debootstrap', words, { encoding: 'utf8' });
  if (made.status !== 0)
    stop(`cannot make the root "${directory}": ${made.error ?? lastLine(made.stderr || made.stdout)}`);
}

/** A root that is made once, below $PROA_CACHE (default /var/cache/proa), and that nobody writes to. */
export function cachedRoot(name, { suite, packages = [] }) {
  const root = join(process.env.PROA_CACHE ?? '/var/cache/proa', 'roots', name);
  const stamp = join(dirname(root), `${name}.made`);
  const wanted = `${suite} ${packages.join(' ')}\n`;
  if (existsSync(root) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return root;
  console.log(`making ${root}, once`);
  for (const old of [stamp, root, `${root}.new`]) rmSync(old, { recursive: true, force: true });
  debootstrap(`${root}.new`, { suite, packages });
  rmSync(join(`${root}.new`, 'var/cache/apt/archives'), { recursive: true, force: true });
  mkdirSync(join(`${root}.new`, 'var/cache/apt/archives/partial'), { recursive: true });
  renameSync(`${root}.new`, root);
  writeFileSync(stamp, wanted);
  return root;
}

/** The Debian that images of tests are made from. */
export function imageBase() {
  return cachedRoot('bookworm', { suite: 'bookworm' });
}
