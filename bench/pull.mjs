// Measures a pull with all that follows, until the layers lie unpacked, of an image of 200 MB in four layers and some
// 10,900 entries from Debian's docker-registry on this machine, taking turns, from an empty store each time. Against it:
// docker, podman, skopeo with umoci, and tar on the same layers, which neither fetches nor verifies. Options:
//   --rounds=N             5 unless given
//   --compression=gzip     one of gzip and zstd, both unless given
//   --only=NAME,NAME       of proa, docker, podman, skopeo, tar
//   --directory=PATH       where everything is stored, /tmp unless given
//   --memory               instead: the most memory that the engine has for a layer of 2 GB
import { execFileSync, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { bundleForNode } from '../tools/node-bundle.mjs';
import { needPackages } from '../tools/system.mjs';
import { benchmarkLayers, compressed, largeLayer } from './pull/image.mjs';
import { openWorld, podmanLine, startDocker, startRegistry } from './pull/world.mjs';
import { median, pairedRatio } from './statistics.mjs';

const option = (name, fallback) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
const rounds = Number(option('rounds', '5'));
const compressions = option('compression', 'gzip,zstd').split(',');
const only = option('only', 'proa,docker,podman,skopeo,tar').split(',');
const repository = resolve(import.meta.dirname, '..');
const program = join(repository, 'dist/proa-unpack');
const engine = join(repository, 'build/bench-pull.mjs');

/** Of docker and podman, and of tar alone: what is to hold. */
const LIMITS = { engines: 0.35, tar: 1.3 };
const MEMORY_LIMIT = 200e6;

const suffixes = { gzip: 'gz', zstd: 'zst' };
const compressors = {
  gzip: (tar, path) => pipeline(tar, createGzip(), createWriteStream(path)),
  zstd: async (_tar, path) => execFileSync('zstd', ['--quiet', '-3', '-o', path, path.slice(0, -4)]),
};

function runEngine(words) {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: '' };
  const done = spawnSync('node', [engine, ...words], { encoding: 'utf8', env, timeout: 600_000 });
  if (done.status !== 0) throw new Error(`${words[0]}: ${done.stderr}`);
  return done.stdout && JSON.parse(done.stdout);
}

/** For each: what is measured, and what makes its store empty again. */
async function openSubjects(world, host) {
  const place = (name) => join(world.work, name);
  const podman = only.includes('podman') && podmanLine(world);
  const docker = only.includes('docker') && (await startDocker(world));
  const remove =
    (...names) =>
    () =>
      rmSync(place(names[0]), { recursive: true, force: true });
  const subjects = {
    proa: {
      pull: (name) => runEngine(['pull', place('proa'), `${host}/${name}:1`, program]),
      clear: remove('proa'),
    },
    docker: {
      pull: (name) => world.run([...docker, 'pull', '--quiet', `${host}/${name}:1`]),
      clear: (name) => world.run([...docker, 'rmi', `${host}/${name}:1`]),
    },
    podman: {
      pull: (name) => world.run([...podman, 'pull', '--quiet', '--tls-verify=false', `${host}/${name}:1`]),
      clear: (name) => world.run([...podman, 'rmi', `${host}/${name}:1`]),
    },
    skopeo: {
      pull: (name) => {
        const from = `docker://${host}/${name}:1`;
        world.run(['skopeo', 'copy', '--quiet', '--src-tls-verify=false', from, `oci:${place('skopeo')}:image`]);
        world.run(['umoci', 'unpack', '--image', `${place('skopeo')}:image`, place('skopeo/bundle')]);
      },
      clear: remove('skopeo'),
    },
    tar: {
      pull(_name, paths) {
        for (const [index, path] of paths.entries()) {
          const target = join(place('tar'), String(index));
          mkdirSync(target, { recursive: true });
          execFileSync('tar', [
            '--numeric-owner',
            path.endsWith('gz') ? '-xzf' : '--zstd',
            ...(path.endsWith('gz') ? [path] : ['-xf', path]),
            '-C',
            target,
          ]);
        }
      },
      clear: remove('tar'),
    },
  };
  return Object.entries(subjects).filter(([name]) => only.includes(name));
}

/** Seconds of each subject in each round. The first round warms everything up. */
function measure(subjects, name, paths) {
  const seconds = Object.fromEntries(subjects.map(([subject]) => [subject, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [subject, { pull, clear }] of subjects) {
      // What the one before has not written yet is not this one's to wait for.
      execFileSync('sync');
      const started = process.hrtime.bigint();
      const answer = pull(name, paths);
      const whole = Number(process.hrtime.bigint() - started) / 1e9;
      if (round >= 0) seconds[subject].push(answer?.milliseconds ? answer.milliseconds / 1000 : whole);
      clear(name);
    }
  }
  return seconds;
}

/** Prints, and answers whether it holds. */
function report(compression, seconds) {
  console.log(`${compression}:`);
  for (const [subject, times] of Object.entries(seconds)) {
    const ratio =
      subject === 'proa' || !seconds.proa ? '' : `   proa takes ${pairedRatio(seconds.proa, times).toFixed(2)} x that`;
    console.log(`  ${subject.padEnd(8)}${median(times).toFixed(2)} s (${Math.min(...times).toFixed(2)})${ratio}`);
  }
  const engines = ['docker', 'podman'].flatMap((name) => (seconds[name] ? [seconds[name]] : []));
  const better = engines.sort((a, b) => median(a) - median(b))[0];
  const held = [
    [better, LIMITS.engines],
    [seconds.tar, LIMITS.tar],
  ].map(([times, limit]) => !times || !seconds.proa || pairedRatio(seconds.proa, times) <= limit);
  console.log(
    `  to hold: ${LIMITS.engines} x the better of docker and podman, ${LIMITS.tar} x tar: ${held.map((one) => (one ? 'hold' : 'miss')).join(', ')}`,
  );
  return !held.includes(false);
}

async function main() {
  needPackages(['zstd']);
  await bundleForNode({ entryPoints: ['bench/pull/engine.ts'], outfile: 'build/bench-pull.mjs' });
  const world = await openWorld(option('directory', '/tmp'));
  try {
    const host = await startRegistry(world);
    if (process.argv.includes('--memory')) return await measureMemory(world, host);
    const layers = await benchmarkLayers(join(repository, 'build'));
    const subjects = await openSubjects(world, host);
    for (const compression of compressions) {
      const paths = [];
      for (const layer of layers) paths.push(await compressed(layer, suffixes[compression], compressors[compression]));
      const words = layers.flatMap(({ digest }, index) => [paths[index], digest]);
      runEngine(['push', join(world.work, 'pushed'), `${host}/${compression}:1`, compression, ...words]);
      if (!report(compression, measure(subjects, compression, paths))) process.exitCode = 1;
    }
  } finally {
    await world.end();
  }
}

async function measureMemory(world, host) {
  for (const compression of compressions) {
    const layer = await largeLayer(world.work, compression);
    runEngine(['push', join(world.work, 'pushed'), `${host}/large:1`, compression, layer.path, layer.digest]);
    const { milliseconds, peakKilobytes } = runEngine(['pull', join(world.work, 'proa'), `${host}/large:1`, program]);
    const held = peakKilobytes * 1024 <= MEMORY_LIMIT;
    console.log(
      `${compression}: ${(peakKilobytes / 1024).toFixed(0)} MiB at most in ${(milliseconds / 1000).toFixed(1)} s, ${(layer.bytes / 1e9).toFixed(2)} GB compressed: ${held ? 'hold' : 'miss'}`,
    );
    if (!held) process.exitCode = 1;
    for (const name of ['pushed', 'proa']) rmSync(join(world.work, name), { recursive: true });
    rmSync(layer.path);
  }
}

await main();
