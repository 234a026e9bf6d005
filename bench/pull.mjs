// Measures a pull with all that follows, until the layers lie unpacked, of an image of 200 MB in four layers and some
// 10,900 entries from Debian's docker-registry on this machine, taking turns, from an empty store each time. Ours and docker
// have an engine that runs; against them podman, skopeo with umoci, and tar on the same layers, which neither fetches nor
// verifies. All of it lies on a file system of its own. Options:
//   --rounds=N             5 unless given
//   --compression=gzip     one of gzip and zstd, both unless given
//   --only=NAME,NAME       of proa, docker, podman, skopeo, tar
//   --directory=PATH       where the file system's file is, /tmp unless given
//   --write                puts the table into README.md
//   --memory               instead: the most memory that the engine and its helpers have for a layer of 2 GB
import { execFileSync, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { bundleForNode } from '../tools/node-bundle.mjs';
import { needPackages } from '../tools/system.mjs';
import { ourEngine } from './our-engine.mjs';
import { benchmarkLayers, compressed, largeLayer } from './pull/image.mjs';
import { peakWhile } from './pull/peak.mjs';
import { openWorld, podmanLine, startDocker, startRegistry } from './pull/world.mjs';
import { noteOf, option } from './site.mjs';
import { median } from './statistics.mjs';
import { ratioRows, replaceTable, textTable } from './table.mjs';

const rounds = Number(option('rounds', '5'));
const compressions = option('compression', 'gzip,zstd').split(',');
const only = option('only', 'proa,docker,podman,skopeo,tar').split(',');
const repository = resolve(import.meta.dirname, '..');
const pushing = join(repository, 'build/bench-push.mjs');

const MEMORY_LIMIT = 200e6;
const limits = { docker: 0.35, podman: 0.35, skopeo: undefined, tar: 1.3 };
const claims = compressions.flatMap((compression) =>
  Object.entries(limits).map(([against, limit]) => ({
    what: `pull and unpack, ${compression}`,
    family: compression,
    against,
    limit,
  })),
);

const suffixes = { gzip: 'gz', zstd: 'zst' };
const compressors = {
  gzip: (tar, path) => pipeline(tar, createGzip(), createWriteStream(path)),
  zstd: async (_tar, path) => execFileSync('zstd', ['--quiet', '-3', '-o', path, path.slice(0, -4)]),
};

function push(world, name, compression, words) {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: '' };
  const line = [pushing, join(world.work, 'pushed'), name, compression, ...words];
  const done = spawnSync('node', line, { encoding: 'utf8', env, timeout: 600_000 });
  if (done.status !== 0) throw new Error(`push: ${done.stderr}`);
}

/** For each: what is measured, and what makes its store empty again. */
async function openSubjects(world, host, engine) {
  const place = (name) => join(world.work, name);
  const image = (name) => `${host}/${name}:1`;
  const lines = {
    proa: engine.line,
    docker: only.includes('docker') && (await startDocker(world)),
    podman: only.includes('podman') && podmanLine(world),
  };
  const insecure = { proa: [], docker: [], podman: ['--tls-verify=false'] };
  const subjects = {
    skopeo: {
      pull: (name) => {
        const from = `docker://${image(name)}`;
        world.run(['skopeo', 'copy', '--quiet', '--src-tls-verify=false', from, `oci:${place('skopeo')}:image`]);
        world.run(['umoci', 'unpack', '--image', `${place('skopeo')}:image`, place('skopeo/bundle')]);
      },
      clear: () => rmSync(place('skopeo'), { recursive: true }),
    },
    tar: {
      pull(_name, paths) {
        for (const [index, path] of paths.entries()) {
          const target = join(place('tar'), String(index));
          mkdirSync(target, { recursive: true });
          const how = path.endsWith('gz') ? '--gzip' : '--zstd';
          execFileSync('tar', ['--extract', '--numeric-owner', how, '--file', path, '--directory', target]);
        }
      },
      clear: () => rmSync(place('tar'), { recursive: true }),
    },
  };
  for (const [name, line] of Object.entries(lines))
    subjects[name] = {
      pull: (what) => world.run([...line, 'pull', '--quiet', ...insecure[name], image(what)]),
      clear: (what) => world.run([...line, 'rmi', image(what)]),
    };
  const versions = ['docker', 'podman'].flatMap((name) => (lines[name] ? [versionOf(world, lines[name])] : []));
  return { subjects: only.map((name) => [name, subjects[name]]), versions };
}

function versionOf(world, line) {
  const driver = line.includes('podman') ? '{{.Store.GraphDriverName}}' : '{{.Driver}}';
  const version = world
    .run([...line, '--version'])
    .trim()
    .replace(/, build.*/, '');
  return `${version} with ${world.run([...line, 'info', '--format', driver]).trim()}`;
}

/** As `ratioRows` wants it: milliseconds of each subject in each round. The first round warms everything up. */
function measure(subjects, name, paths) {
  const measured = Object.fromEntries(subjects.map(([subject]) => [`${name}-${subject}`, { times: [] }]));
  for (let round = -1; round < rounds; round++) {
    for (const [subject, { pull, clear }] of subjects) {
      // What the one before has not written yet is not this one's to wait for.
      execFileSync('sync');
      const started = performance.now();
      pull(name, paths);
      if (round >= 0) measured[`${name}-${subject}`].times.push(performance.now() - started);
      clear(name);
    }
  }
  for (const [subject, { times }] of Object.entries(measured))
    console.log(
      `  ${subject.padEnd(12)} ${(median(times) / 1000).toFixed(2)} s (${(Math.min(...times) / 1000).toFixed(2)})`,
    );
  return measured;
}

async function measureTime(world, host, engine) {
  const layers = await benchmarkLayers(join(repository, 'build'));
  const { subjects, versions } = await openSubjects(world, host, engine);
  const measured = {};
  for (const compression of compressions) {
    const paths = [];
    for (const layer of layers) paths.push(await compressed(layer, suffixes[compression], compressors[compression]));
    const words = layers.flatMap(({ digest }, index) => [paths[index], digest]);
    push(world, `${host}/${compression}:1`, compression, words);
    measured[compression] = measure(subjects, compression, paths);
  }
  const lines = ratioRows(claims, measured);
  const note = [noteOf(rounds), ...versions].join('; ');
  console.log(`\n${textTable(lines)}\n\n${note}`);
  if (process.argv.includes('--write')) replaceTable(join(repository, 'README.md'), note, lines, 'bench:pull');
  if (lines.some(({ verdict }) => verdict === 'miss')) process.exitCode = 1;
}

async function measureMemory(world, host, engine) {
  for (const compression of compressions) {
    const name = `${host}/large-${compression}:1`;
    const layer = await largeLayer(world.work, compression);
    push(world, name, compression, [layer.path, layer.digest]);
    rmSync(join(world.work, 'pushed'), { recursive: true });
    rmSync(layer.path);
    const started = performance.now();
    const { engineBytes, helperBytes } = await peakWhile(engine.pid(), () =>
      world.start([...engine.line, 'pull', '--quiet', name]),
    );
    const held = engineBytes + helperBytes <= MEMORY_LIMIT;
    console.log(
      `${compression}: ${megabytes(engineBytes)} MB at most, its helpers ${megabytes(helperBytes)} MB, in ${((performance.now() - started) / 1000).toFixed(1)} s; the layer has ${megabytes(layer.bytes)} MB compressed: ${held ? 'hold' : 'miss'}`,
    );
    if (!held) process.exitCode = 1;
    world.run([...engine.line, 'rmi', name]);
  }
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(0);

async function main() {
  needPackages(['zstd']);
  await bundleForNode({ entryPoints: ['bench/pull/push.ts'], outfile: pushing });
  const world = await openWorld(option('directory', '/tmp'));
  let engine;
  try {
    engine = ourEngine(world);
    const host = await startRegistry(world);
    await (process.argv.includes('--memory') ? measureMemory : measureTime)(world, host, engine);
  } finally {
    await engine?.end();
    await world.end();
  }
}

await main();
