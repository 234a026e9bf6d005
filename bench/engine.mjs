// Measures the engine and its client against docker and podman, with the same image and without a network on any side, in
// the root of tools/peers.mjs: everything in one run, taking turns. Prints the ratios to hold. Options:
//   --rounds=N        40 unless given; medians are of N, of a tenth of it where 50 containers are started
//   --containers=N    50 unless given: how many are started at once, listed, and have their memory measured
//   --only=WORD       families whose name holds the word: run, exec, ps, list, memory, batch
//   --write           puts the table into README.md
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ourEngine } from './our-engine.mjs';
import { daemonsOf, podmanLine, startDocker } from './pull/world.mjs';
import { noteOf, openBench, option, printTimes } from './site.mjs';
import { ratioRows, replaceTable, textTable } from './table.mjs';

const repository = resolve(import.meta.dirname, '..');
const rounds = Number(option('rounds', '40'));
const containers = Number(option('containers', '50'));
const only = option('only', '');
const listed = 10;
/** An engine has answered before it has cleared up: milliseconds for that. */
const settle = 250;
const image = 'proa/base';

const names = (count) => Array.from({ length: count }, (_, index) => `bench-${index}`);

const claims = [
  { what: 'run --rm --network none IMAGE true', family: 'run', limit: 0.1 },
  { what: 'exec CONTAINER true', family: 'exec', limit: 0.1 },
  { what: `ps with ${listed} containers`, family: 'ps', limit: 0.15 },
  { what: `GET /containers/json with ${containers} containers`, family: 'list', limit: 0.3, others: ['docker'] },
  { what: `${containers} containers started, 8 at a time`, family: 'batch', limit: 0.15 },
  {
    what: `all memory with ${containers} idle containers`,
    family: 'memory',
    limit: 0.4,
    others: ['docker'],
    peak: true,
  },
].flatMap(({ others = ['docker', 'podman'], ...claim }) => others.map((against) => ({ ...claim, against })));

/** The three with the same image: the words before each verb, and what they call the image. */
async function openSubjects(bench, engine) {
  const { work, run, peers } = bench;
  const archive = join(work, 'image.tar');
  engine.ours('save', '--output', archive, image);
  const docker = await startDocker({ work, run, daemon: daemonsOf({ peers, work }) });
  const podman = [...podmanLine({ work }), '--cgroup-manager=cgroupfs'];
  const subjects = { proa: engine.line, docker, podman };
  for (const line of [docker, podman]) run([...line, 'load', '--input', archive]);
  const versions = [docker, podman].map((line) =>
    run([...line, '--version'])
      .trim()
      .replace(/, build.*/, ''),
  );
  return { subjects, versions };
}

const bare = ['--network', 'none'];
const sleeper = [image, 'sleep', '100000'];

/** Starts those that are not there yet, 8 at a time. */
function startCommand(line, wanted) {
  const words = [...line, 'run', '--detach', ...bare, '--name', '{}', ...sleeper].map(quoted).join(' ');
  return ['sh', '-c', `printf '%s\\n' ${wanted.join(' ')} | xargs -P 8 -I '{}' ${words}`];
}

function removeCommand(line, wanted) {
  // Podman alone would ask them first, and wait.
  const patience = line.includes('podman') ? ['--time', '0'] : [];
  return ['sh', '-c', [...line, 'rm', '--force', ...patience, ...wanted].map(quoted).join(' ')];
}

const quoted = (word) => `'${word}'`;

function timed(family, subjects, steps) {
  return Object.fromEntries(Object.entries(subjects).map(([name, line]) => [`${family} ${name}`, steps(line)]));
}

function measureCommands(bench, subjects, measured) {
  const families = {
    run: (line) => [['time', ...line, 'run', '--rm', ...bare, image, 'true']],
    exec: (line) => [['time', ...line, 'exec', 'bench-0', 'true']],
    ps: (line) => [['time', ...line, 'ps']],
  };
  for (const [family, steps] of Object.entries(families)) {
    if (!family.includes(only)) continue;
    measured[family] = bench.measure(timed(family, subjects, steps), rounds, { settle });
    printTimes(family, measured[family]);
  }
}

/** As a client sees it that keeps its connection. */
async function measureList(sockets) {
  const clients = Object.entries(sockets).map(([name, path]) => ({ name, ask: asker(path), times: [] }));
  for (let round = -20; round < rounds * 5; round++) {
    for (const { ask, times } of clients) {
      const begin = process.hrtime.bigint();
      const count = await ask('/containers/json');
      const time = Number(process.hrtime.bigint() - begin) / 1e6;
      if (count !== containers) throw new Error(`${count} containers are listed, not ${containers}`);
      if (round >= 0) times.push(time);
    }
  }
  for (const { ask } of clients) ask.end();
  return Object.fromEntries(clients.map(({ name, times }) => [`list-${name}`, { times, peaks: times.map(() => 0) }]));
}

/** Asks on one connection, as raw as it can be: how many objects the answer lists. */
function asker(path) {
  const socket = connect(path);
  socket.setNoDelay();
  let text = '';
  let answered = () => {};
  socket.on('data', (data) => {
    text += data;
    const body = text.indexOf('\r\n\r\n') + 4;
    const length = Number(/\r\nContent-Length: (\d+)/i.exec(text.slice(0, body))?.[1] ?? Number.NaN);
    if (body > 3 && (text.endsWith('\r\n0\r\n\r\n') || text.length >= body + length)) answered();
  });
  const ask = async (target) => {
    text = '';
    const done = new Promise((resolve) => {
      answered = resolve;
    });
    socket.write(`GET ${target} HTTP/1.1\r\nHost: bench\r\n\r\n`);
    await done;
    return text.split('"Id":').length - 1;
  };
  ask.end = () => socket.destroy();
  return ask;
}

/** Of everything that keeps the containers, in kilobytes; their own processes are not ours. */
function memoryOf(bench, pids) {
  const files = pids.map((pid) => `/proc/${pid}/smaps_rollup`);
  const text = files.map((file) => /^Pss:\s+(\d+)/m.exec(bench.read(file))?.[1] ?? '0');
  return text.reduce((sum, number) => sum + Number(number), 0);
}

function measureMemory(bench, engine) {
  const docker = bench.run(['pgrep', '^(dockerd|containerd)']).trim().split('\n');
  if (docker.length !== containers + 2)
    throw new Error(`${docker.length} processes of docker for ${containers} containers`);
  const ours = engine.pids();
  if (ours.length !== containers + 3) throw new Error(`${ours.length} processes of ours for ${containers} containers`);
  const used = {
    proa: memoryOf({ read: (file) => readFileSync(file, 'utf8') }, ours),
    docker: memoryOf({ read: (file) => bench.run(['cat', file]) }, docker),
  };
  return Object.fromEntries(
    Object.entries(used).map(([name, sum]) => [`memory-${name}`, { peaks: [sum], times: [0] }]),
  );
}

function measureBatch(bench, subjects) {
  const wanted = names(containers);
  const steps = (line) => [
    ['time', ...startCommand(line, wanted)],
    ['free', ...removeCommand(line, wanted)],
  ];
  return bench.measure(timed('batch', subjects, steps), Math.max(1, Math.round(rounds / 10)), { warmUp: 1, settle });
}

async function main() {
  const bench = await openBench();
  const measured = {};
  let engine;
  let versions;
  try {
    engine = ourEngine(bench);
    const opened = await openSubjects(bench, engine);
    const { subjects } = opened;
    versions = opened.versions;
    const { proa, docker } = subjects;
    for (const line of Object.values(subjects)) bench.detach(startCommand(line, names(listed)));
    measureCommands(bench, subjects, measured);
    for (const line of [proa, docker]) bench.detach(startCommand(line, names(containers).slice(listed)));
    await sleep(3000);
    if ('list'.includes(only)) {
      measured.list = await measureList({ proa: engine.socket, docker: join(bench.work, 'docker.sock') });
      printTimes('list', measured.list);
    }
    if ('memory'.includes(only)) measured.memory = measureMemory(bench, engine);
    for (const line of [proa, docker]) bench.detach(removeCommand(line, names(containers)));
    bench.detach(removeCommand(subjects.podman, names(listed)));
    if ('batch'.includes(only)) {
      measured.batch = measureBatch(bench, subjects);
      printTimes('batch', measured.batch);
    }
  } finally {
    await engine?.end();
    await bench.end();
  }
  const lines = ratioRows(claims, measured);
  const note = `${noteOf(rounds)}; ${versions.join(', ')}`;
  console.log(`\n${note}\n${textTable(lines)}`);
  if (process.argv.includes('--write')) replaceTable(join(repository, 'README.md'), note, lines, 'bench:engine');
  if (lines.some(({ verdict }) => verdict === 'miss')) process.exitCode = 1;
}

await main();
