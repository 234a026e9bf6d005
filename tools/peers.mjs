// The programs that proa is compared with and tested under, newer than most machines have them: a Debian unstable root
// below $PROA_CACHE (default /var/cache/proa), made once and then reused. Nothing is installed on the machine itself.
//   node tools/peers.mjs                               makes the root, or completes it
//   node tools/peers.mjs [--network] COMMAND [ARG…]    runs a command in it; --network: in a network of its own
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { debootstrap } from './debian.mjs';
import { enter, environment } from './enter.mjs';
import { lastLine, missingPackages, needRoot, stop } from './system.mjs';

const repository = findRepository(import.meta.dirname);
const packages =
  `apparmor bsdutils busybox-static ca-certificates conmon containerd containernetworking-plugins criu crun
  docker-cli docker-registry docker.io iproute2 iptables libcriu2 nftables podman procps python3 runc skopeo strace
  tini umoci util-linux zstd`.split(/\s+/);

/** Tests import this file bundled into build/, so that its own place says little. */
function findRepository(directory) {
  return existsSync(join(directory, 'package.json')) ? directory : findRepository(dirname(directory));
}

/** Where the repository is mounted in the root. */
export const repositoryInside = '/proa';

/** The root's directory, complete. Ends the process with one sentence when it cannot be made. */
export function peersRoot() {
  needRoot('the root filesystem of the peers');
  const cache = process.env.PROA_CACHE ?? '/var/cache/proa';
  const root = join(cache, 'sid');
  const stamp = join(root, 'etc/proa-peers');
  const wanted = `${packages.join('\n')}\n`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return root;
  mkdirSync(cache, { recursive: true });
  if (!existsSync(join(root, 'var/lib/dpkg/status'))) make(root);
  const missing = missingPackages(packages, root);
  if (missing.length > 0) complete(root, missing);
  // Mount points, so that later runs write nothing here.
  for (const name of [repositoryInside, '/tmp', '/run']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(stamp, wanted);
  return root;
}

function make(root) {
  console.log(`making ${root}: about 900 MB, some minutes, once`);
  const fresh = `${root}.new`;
  rmSync(fresh, { recursive: true, force: true });
  debootstrap(fresh, { suite: 'sid', packages });
  rmSync(root, { recursive: true, force: true });
  spawnSync('chroot', [fresh, 'apt-get', 'clean']);
  renameSync(fresh, root);
}

function complete(root, missing) {
  console.log(`installing ${missing.join(' ')} in ${root}`);
  // A mirror that is a snapshot of an earlier day has lists whose validity has ended.
  const script = `apt-get -qq -oAcquire::Check-Valid-Until=false update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
    ${missing.join(' ')} && apt-get clean`;
  const done = spawnSync(...enterPeers(root, ['sh', '-c', script], {}), { encoding: 'utf8' });
  if (done.status !== 0) stop(`cannot install ${missing.join(' ')} in ${root}: ${lastLine(done.stderr)}`);
}

/** Kernel filesystems, /tmp and the repository (at `repositoryInside`) are the machine's. */
function enterPeers(root, command, options) {
  return enter(root, command, { ...options, shared: { '/tmp': '/tmp', [repository]: repositoryInside } });
}

/** Runs a command in the root to its end; `options` are those of `enter` and of spawnSync. */
export function runInPeers(command, { network, processes, env, ...options } = {}) {
  const words = enterPeers(peersRoot(), command, { network, processes });
  return spawnSync(...words, { stdio: 'inherit', ...options, env: environment(env) });
}

/**
 * The root with processes and, if asked for, a network of its own, to run several commands in that shall see each other:
 * `command()` gives a line to run on the machine, `end()` kills all that still runs in there.
 */
export async function openPeers({ network = true } = {}) {
  // Its standard input ends when we do, however that happens.
  const words = enterPeers(peersRoot(), ['tini', '-s', '--', 'sh', '-c', 'echo ready; cat'], {
    network,
    processes: true,
  });
  const keeper = spawn(...words, { stdio: 'pipe', env: environment() });
  let complaint = '';
  keeper.stderr.on('data', (data) => {
    complaint += data;
  });
  const said = await new Promise((done) => {
    keeper.stdout.once('data', () => done(true));
    keeper.once('exit', () => done(false));
  });
  if (!said) throw new Error(`cannot enter the root of the peers: ${lastLine(complaint)}`);
  const init = readFileSync(`/proc/${keeper.pid}/task/${keeper.pid}/children`, 'utf8').trim();
  const flags = ['--target', init, '--mount', '--pid', ...(network ? ['--net'] : []), '--root', '--wd'];
  return {
    command: (line) => ['nsenter', [...flags, '--', ...line]],
    environment,
    async end() {
      if (keeper.exitCode !== null || keeper.signalCode !== null) return;
      const gone = new Promise((done) => keeper.once('exit', done));
      // Its init is the first of the pid namespace: the kernel ends everything in there with it, but for what is frozen.
      const inside = descendants(init);
      process.kill(Number(init), 'SIGKILL');
      for (const pid of inside) thaw(pid);
      await gone;
    },
  };
}

function descendants(pid) {
  const children = readProc(`${pid}/task/${pid}/children`).split(' ').filter(Boolean);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** Thaws the cgroup of version 1 that a process is frozen in: it could not even be killed there. */
function thaw(pid) {
  const path = /:freezer:(\/.+)$/m.exec(readProc(`${pid}/cgroup`))?.[1];
  if (!path) return;
  try {
    writeFileSync(`/sys/fs/cgroup/freezer${path}/freezer.state`, 'THAWED');
  } catch {
    // Its last process ended meanwhile, and the cgroup with it.
  }
}

function readProc(name) {
  try {
    return readFileSync(`/proc/${name}`, 'utf8').trim();
  } catch {
    return '';
  }
}

// The name, too: in a bundle of a test this file goes by the test's.
if (process.argv[1] === import.meta.filename && basename(import.meta.filename) === 'peers.mjs') {
  const words = process.argv.slice(2);
  const network = words[0] === '--network';
  if (network) words.shift();
  if (words.length === 0) console.log(peersRoot());
  else process.exit(runInPeers(words, { network }).status ?? 1);
}
