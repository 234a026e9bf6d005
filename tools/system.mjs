// Debian packages that a task needs on this machine. `node tools/system.mjs PACKAGE…` installs those that are missing.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Those of `packages` that are not installed below `directory`, as dpkg records it. */
export function missingPackages(packages, directory = '/') {
  let status = '';
  try {
    status = readFileSync(`${directory}/var/lib/dpkg/status`, 'utf8');
  } catch {
    // No record: nothing is installed.
  }
  const installed = new Set();
  for (const entry of status.split('\n\n')) {
    if (/^Status: \S+ ok installed$/m.test(entry)) installed.add(/^Package: (\S+)$/m.exec(entry)?.[1]);
  }
  return packages.filter((name) => !installed.has(name));
}

/** Installs what is missing; ends the process with one sentence when that cannot be done. */
export function needPackages(packages) {
  const missing = missingPackages(packages);
  if (missing.length === 0) return;
  const names = missing.join(' ');
  if (!isExecutable('/usr/bin/apt-get')) stop(`this is not Debian: install the equivalents of ${names}`);
  if (process.getuid() !== 0) stop(`these packages are missing, and only root can install them: ${names}`);
  console.log(`installing ${names}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...words) => spawnSync('apt-get', ['-qq', ...words], { env, encoding: 'utf8' });
  // The list of packages may be older than the mirror, or not be there yet.
  const install = () => apt('install', '--yes', '--no-install-recommends', ...missing);
  let last = install();
  if (last.status !== 0) {
    apt('update');
    last = install();
  }
  if (last.status !== 0) stop(`cannot install ${names}: ${lastLine(last.stderr)}`);
}

export function needRoot(what) {
  if (process.getuid() !== 0) stop(`${what} needs root`);
}

/** The last line of a program's output that says something. */
export function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? '';
}

export function stop(message) {
  console.error(`proa: ${message}`);
  process.exit(1);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// The name, too: in a bundle of a test this file goes by the test's.
if (process.argv[1] === import.meta.filename && basename(import.meta.filename) === 'system.mjs')
  needPackages(process.argv.slice(2));
