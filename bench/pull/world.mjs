// A registry and the engines that pull from it, in the root of tools/peers.mjs on the machine's own loopback.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPeers } from '../../tools/peers.mjs';
import { openFileSystem } from './file-system.mjs';

/** `run` a line there to its end, or start a `daemon`; `end` clears all. `work` is below `directory`, on a file system of its own. */
export async function openWorld(directory) {
  const files = openFileSystem(directory);
  const work = files.path;
  const peers = await openPeers({ network: false });
  const run = (line) => {
    const [program, words] = peers.command(line);
    const done = spawnSync(program, words, { encoding: 'utf8', env: peers.environment(), timeout: 300_000 });
    if (done.status !== 0) throw new Error(`${line.join(' ')}: exit ${done.status}: ${done.stderr}`);
    return done.stdout;
  };
  /** The same without standing still meanwhile. */
  const start = async (line) => {
    const [program, words] = peers.command(line);
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'], env: peers.environment() });
    const [status] = await once(child, 'exit');
    if (status !== 0) throw new Error(`${line.join(' ')}: exit ${status}`);
  };
  const daemon = daemonsOf({ peers, work });
  const end = async () => {
    await peers.end();
    files.end();
  };
  return { work, run, start, daemon, end };
}

/** Starts a daemon there; resolves when `ready` answers something true. */
export function daemonsOf({ peers, work }) {
  return async (line, ready) => {
    const log = join(work, `${line[0]}.log`);
    const output = openSync(log, 'w');
    const [program, words] = peers.command(line);
    spawn(program, words, { stdio: ['ignore', output, output], env: peers.environment() });
    closeSync(output);
    for (let tries = 0; tries < 150; tries++) {
      if (await ready()) return;
      await sleep(200);
    }
    throw new Error(`${line[0]} does not come up:\n${readFileSync(log, 'utf8')}`);
  };
}

/** Debian's docker-registry: its host and port. */
export async function startRegistry({ work, daemon }) {
  const host = `127.0.0.1:${await freePort()}`;
  const configuration = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(work, 'registry') }, delete: { enabled: true } },
    http: { addr: host },
  };
  writeFileSync(join(work, 'registry.yml'), JSON.stringify(configuration));
  await daemon(['docker-registry', 'serve', join(work, 'registry.yml')], async () => {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    return answer?.ok;
  });
  return host;
}

/** Command lines of docker and podman, with storage of their own below the work directory; in memory what others have there. */
export async function startDocker({ work, run, daemon }) {
  const socket = `unix://${join(work, 'docker.sock')}`;
  const options = {
    'data-root': join(work, 'docker'),
    'exec-root': '/run/bench-docker',
    pidfile: join(work, 'docker.pid'),
    host: socket,
    bridge: 'none',
    iptables: 'false',
    ip6tables: 'false',
    'log-level': 'error',
  };
  const docker = ['docker', '--host', socket];
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  await daemon(['dockerd', ...flags], () => {
    try {
      return run([...docker, 'version']);
    } catch {
      return undefined;
    }
  });
  return docker;
}

export function podmanLine({ work }) {
  const storage = { root: join(work, 'podman'), runroot: '/run/bench-podman', 'storage-driver': 'overlay' };
  mkdirSync(storage.root, { recursive: true });
  const flags = Object.entries(storage).map(([name, value]) => `--${name}=${value}`);
  return ['env', 'PODMAN_IGNORE_CGROUPSV1_WARNING=1', 'podman', ...flags];
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
