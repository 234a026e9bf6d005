import { execFileSync, spawn } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Prints how many megabytes of a container's output dockerd logs in a second, for lines of 80 and of 2 bytes. */
export async function dockerRate({ peers, work, inPeers, megabytes }) {
  const host = 'unix:///run/bench-docker.sock';
  const docker = (...words) => inPeers(['docker', '--host', host, ...words]).trim();
  const flags = {
    'data-root': join(work, 'docker'),
    'exec-root': '/run/bench-docker',
    pidfile: '/run/bench-docker.pid',
  };
  const line = ['dockerd', `--host=${host}`, ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)];
  const log = openSync(join(work, 'dockerd.log'), 'w');
  const [program, words] = peers.command(line);
  spawn(program, words, { stdio: ['ignore', log, log], env: peers.environment() });
  closeSync(log);
  await ready(docker, join(work, 'dockerd.log'));
  mkdirSync(join(work, 'image'));
  copyFileSync(join(work, 'logs-measure'), join(work, 'image/logs-measure'));
  execFileSync('tar', ['-C', join(work, 'image'), '-cf', join(work, 'image.tar'), '.']);
  docker('import', join(work, 'image.tar'), 'bench');
  for (const lineBytes of [80, 2]) {
    const bytes = Math.floor((megabytes * 1e6) / 16 / lineBytes) * lineBytes;
    const words = ['--network', 'none', 'bench', '/logs-measure', 'produce', lineBytes, bytes, '/report'];
    const id = docker('run', '--detach', ...words.map(String));
    docker('wait', id);
    const file = join(work, 'docker/containers', id, `${id}-json.log`);
    const seconds = (lastTime(file) - firstTime(file)) / 1000;
    console.log(`dockerd json-file, lines of ${lineBytes} bytes: ${(bytes / 1e6 / seconds).toFixed(1)} MB/s`);
  }
}

async function ready(docker, log) {
  for (let tries = 0; tries < 100; tries++) {
    try {
      docker('version');
      return;
    } catch {
      await sleep(200);
    }
  }
  throw new Error(`dockerd does not come up:\n${readFileSync(log, 'utf8').slice(-2000)}`);
}

const timeOf = (text) => Date.parse(JSON.parse(text).time);

function firstTime(file) {
  return timeOf(part(file, 0).split('\n')[0]);
}

function lastTime(file) {
  return timeOf(
    part(file, statSync(file).size - 4096)
      .trimEnd()
      .split('\n')
      .at(-1),
  );
}

function part(file, offset) {
  const fd = openSync(file, 'r');
  const buffer = Buffer.alloc(4096);
  const count = readSync(fd, buffer, 0, buffer.length, offset);
  closeSync(fd);
  return buffer.toString('utf8', 0, count);
}
