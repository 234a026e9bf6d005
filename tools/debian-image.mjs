// The layers of a true Debian image below $PROA_CACHE (default /var/cache/proa), made once and then reused: the base
// system, packages installed on it, and much of that removed or replaced again.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { debianMirror } from './quickjs.mjs';
import { lastLine, needPackages, stop } from './system.mjs';

const SUITE = 'stable';

/** What is done in the system, a layer each. */
const steps = [
  'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends iputils-ping less libcap2-bin',
  'rm -rf /usr/share/doc /var/lib/apt/lists/* /var/cache/apt/*.bin; rm -r /usr/share/info && mkdir /usr/share/info && echo new > /usr/share/info/dir',
  'useradd --create-home someone; chown -R someone /srv; mv /usr/bin/less /usr/bin/more-or-less; ln -s more-or-less /usr/bin/less; setcap cap_net_raw+ep /usr/bin/more-or-less',
];

/** Paths of the layers, as tar archives, the lowest first. */
export function debianLayers() {
  const directory = join(process.env.PROA_CACHE ?? '/var/cache/proa', `debian-${SUITE}`);
  const layers = [...steps.keys(), steps.length].map((at) => join(directory, `${at}.tar`));
  if (!existsSync(directory)) make(directory);
  return layers;
}

function make(directory) {
  needPackages(['debootstrap', 'debian-archive-keyring']);
  console.log(`making ${directory}: some minutes, once`);
  const fresh = `${directory}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const root = join(fresh, 'root');
  run('debootstrap', ['--variant=minbase', SUITE, root, debianMirror()]);
  const tar = ['--create', '--numeric-owner', '--sort=name', '--xattrs', '--xattrs-include=*', '--directory', root];
  run('tar', [...tar, '--file', join(fresh, '0.tar'), '.']);
  const lower = [root];
  for (const [at, step] of steps.entries()) {
    const [upper, work, merged] = ['upper', 'work', 'merged'].map((name) => join(fresh, `${name}-${at}`));
    for (const path of [upper, work, merged]) mkdirSync(path);
    const options = `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`;
    const script = 'mount -t overlay overlay -o "$1" "$2" && exec chroot "$2" sh -ec "$3"';
    run('unshare', ['--mount', 'sh', '-ec', script, 'step', options, merged, step]);
    const program = resolve(import.meta.dirname, '../dist/proa-pack');
    run('sh', ['-ec', '"$1" --upper "$2" > "$3"', 'pack', program, upper, join(fresh, `${at + 1}.tar`)]);
    lower.unshift(upper);
    for (const path of [work, merged]) rmSync(path, { recursive: true });
  }
  for (const path of lower) rmSync(path, { recursive: true });
  renameSync(fresh, directory);
}

function run(program, words) {
  const done = spawnSync(program, words, { encoding: 'utf8' });
  if (done.status !== 0)
    stop(`cannot make the Debian image: ${program}: ${done.error ?? lastLine(done.stderr || done.stdout)}`);
}

if (process.argv[1] === import.meta.filename) console.log(debianLayers().join('\n'));
