// Finds QuickJS (2025-04-26 or newer) as a static library. In order: $QUICKJS (a directory that holds quickjs/quickjs.h
// or include/quickjs/quickjs.h, and libquickjs.a somewhere below), the installed package, and Debian 13's package
// unpacked into build/. The last uses an apt directory of its own: the machine's apt configuration is only read.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const unpacked = join(root, 'build/quickjs');

export function findQuickjs(given = process.env.QUICKJS) {
  if (given) return within(given) ?? stop(`QUICKJS=${given} holds no quickjs.h and libquickjs.a`);
  return within('/usr') ?? within(unpacked) ?? download();
}

function within(directory) {
  const include = [join(directory, 'usr/include'), join(directory, 'include'), directory].find((path) =>
    existsSync(join(path, 'quickjs/quickjs.h')),
  );
  if (!include) return undefined;
  const folders = ['', 'lib', 'lib/quickjs', 'usr/lib', 'quickjs'].map((name) => join(directory, name));
  for (const base of ['lib', 'usr/lib'].map((name) => join(directory, name))) {
    if (existsSync(base)) for (const name of readdirSync(base)) folders.push(join(base, name, 'quickjs'));
  }
  const library = folders.map((path) => join(path, 'libquickjs.a')).find((path) => existsSync(path));
  return library && { include, library };
}

/** The address of the Debian mirror that this machine uses. */
export function debianMirror() {
  const files = ['/etc/apt/sources.list'];
  if (existsSync('/etc/apt/sources.list.d'))
    for (const name of readdirSync('/etc/apt/sources.list.d')) files.push(join('/etc/apt/sources.list.d', name));
  for (const file of files.filter((path) => existsSync(path))) {
    const text = readFileSync(file, 'utf8');
    const found =
      /^URIs:\s*(\S*\/debian)\/?\s*$/m.exec(text) ?? /^deb\s+(?:\[[^\]]*\]\s*)?(\S*\/debian)\/?\s/m.exec(text);
    if (found) return found[1];
  }
  return stop('no Debian mirror in /etc/apt: install libquickjs 2025-04-26 or newer, or set QUICKJS');
}

/** Words that make apt use a directory of its own, for a suite of Debian, instead of what the machine uses; `more` too. */
export function ownApt(apt, suite, more = []) {
  for (const name of ['state/lists/partial', 'cache/archives/partial']) mkdirSync(join(apt, name), { recursive: true });
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(apt, 'sources.list'), `deb [signed-by=${keys}] ${debianMirror()} ${suite} main\n`);
  const options = [
    `-oDir::Etc::sourcelist=${apt}/sources.list`,
    '-oDir::Etc::sourceparts=-',
    `-oDir::State::lists=${apt}/state/lists`,
    `-oDir::Cache=${apt}/cache`,
    '-oAPT::Sandbox::User=root',
    ...more,
  ];
  execFileSync('apt-get', [...options, '-qq', 'update'], { stdio: ['ignore', 'ignore', 'inherit'] });
  return options;
}

function download() {
  const apt = join(root, 'build/apt');
  execFileSync('apt-get', [...ownApt(apt, 'trixie'), '-qq', 'download', 'libquickjs'], {
    cwd: apt,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const archive = readdirSync(apt).find((name) => name.startsWith('libquickjs_'));
  rmSync(unpacked, { recursive: true, force: true });
  execFileSync('dpkg', ['-x', join(apt, archive), unpacked]);
  return within(unpacked) ?? stop('the libquickjs package does not hold what was expected');
}

function stop(message) {
  console.error(`proa: ${message}`);
  process.exit(1);
}
