// Runs README's two commands where nothing is but Debian, git, Node.js and npm: on a copy of a root that debootstrap makes
// below $PROA_CACHE (default /var/cache/proa), into which what is committed here is cloned.
//   node tools/bare.mjs bookworm|trixie [COMMAND…]    in place of the two commands: this one
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { debootstrap } from './debian.mjs';
import { enter, environment } from './enter.mjs';
import { lastLine, needRoot, stop } from './system.mjs';

const repository = resolve(import.meta.dirname, '..');
const certificates = '/etc/ssl/certs/ca-certificates.crt';
/** Debian 12's own Node.js is too old: there it is the machine's. */
const packages = { bookworm: ['git', 'ca-certificates'], trixie: ['git', 'ca-certificates', 'nodejs', 'npm'] };
const commands = ['npm run demo', 'npm test'];

/** A root that nothing was run in, made once. */
function pristineRoot(suite) {
  const root = join(process.env.PROA_CACHE ?? '/var/cache/proa', 'bare', suite);
  if (existsSync(root)) return root;
  console.log(`making ${root}`);
  const fresh = `${root}.new`;
  rmSync(fresh, { recursive: true, force: true });
  debootstrap(fresh, { suite });
  const install = `apt-get -qq update && apt-get -qq install --yes --no-install-recommends ${packages[suite].join(' ')}`;
  const env = environment({ DEBIAN_FRONTEND: 'noninteractive' });
  const added = spawnSync(...enter(fresh, ['sh', '-c', `${install} && apt-get clean`], {}), { encoding: 'utf8', env });
  if (added.status !== 0) stop(`cannot install packages in the root: ${lastLine(added.stderr)}`);
  renameSync(fresh, root);
  return root;
}

/** Where npm and node are looked for when no package brings them. */
function copyNode(root) {
  const found = spawnSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).stdout.trim();
  if (found === '') stop('npm is not in PATH');
  const npm = dirname(dirname(realpathSync(found)));
  const modules = join(root, 'usr/local/lib/node_modules');
  mkdirSync(modules, { recursive: true });
  cpSync(process.execPath, join(root, 'usr/local/bin/node'));
  cpSync(npm, join(modules, 'npm'), { recursive: true });
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/local/bin', name));
}

/** Where this machine reaches a registry, and whom it trusts there. */
function configureNpm(root) {
  const { stdout } = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8', cwd: '/' });
  writeFileSync(join(root, 'root/.npmrc'), `registry=${stdout.trim()}\ncafile=${certificates}\n`);
  if (existsSync(certificates)) cpSync(certificates, join(root, certificates), { dereference: true });
}

function run(root, words) {
  const { status } = spawnSync(...enter(root, words, { fresh: ['/run', '/tmp'], processes: true }), {
    stdio: 'inherit',
    env: environment(),
  });
  return status ?? 1;
}

function main([suite, ...words]) {
  if (!Object.hasOwn(packages, suite ?? '')) stop(`which Debian? one of ${Object.keys(packages).join(', ')}`);
  needRoot('a root filesystem of its own');
  const pristine = pristineRoot(suite);
  const root = `${pristine}.run`;
  rmSync(root, { recursive: true, force: true });
  spawnSync('cp', ['--archive', '--reflink=auto', pristine, root], { stdio: 'inherit' });
  if (!packages[suite].includes('nodejs')) copyNode(root);
  configureNpm(root);
  const cloned = spawnSync('git', ['clone', '--quiet', '--no-hardlinks', repository, join(root, 'proa')], {
    stdio: 'inherit',
  });
  if (cloned.status !== 0) stop('cannot clone the repository');
  console.log(`${readFileSync(join(root, 'etc/debian_version'), 'utf8').trim()} in ${root}`);
  const script = 'cd /proa; for command in "$@"; do echo "\\$ $command"; sh -c "$command" || exit 1; done; exit 0';
  const lines = words.length > 0 ? [words.join(' ')] : commands;
  const status = run(root, ['bash', '-c', script, 'bare', ...lines]);
  if (status === 0) rmSync(root, { recursive: true, force: true });
  process.exit(status);
}

main(process.argv.slice(2));
