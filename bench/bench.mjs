// Measures the runtime against the kernel's own price (floor.c), crun and runc: everything in one run, taking turns, in
// the root of tools/peers.mjs. Prints the ratios to hold. Options:
//   --rounds=N    60 unless given; medians are of N
//   --only=WORD   subjects whose name holds the word
//   --write       puts the table into README.md
//   --json=FILE   writes what was measured
// The binary is dist/proa-runtime, or $PROA; floor.c is taken from $FLOOR_C or ../shared/bench, and left out without.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { openPeers } from '../tools/peers.mjs';
import { needPackages, stop } from '../tools/system.mjs';
import { dockerProfile } from './docker-profile.mjs';
import { loadedBytes } from './loaded-bytes.mjs';
import { median, pairedRatio, quantile } from './statistics.mjs';
import { replaceTable, rows, textTable } from './table.mjs';

const repository = resolve(import.meta.dirname, '..');
const option = (name, fallback) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
const rounds = Number(option('rounds', '60'));
const warmUp = Math.max(3, Math.round(rounds / 10));
const only = option('only', '');

/** Makes the tools and the bundles below `work`, a directory that is the same inside the peers' root. */
function prepare(work) {
  const floorSource = process.env.FLOOR_C ?? join(repository, '../shared/bench/floor.c');
  const compile = (source, name) => execFileSync('cc', ['-O2', '-static', '-o', join(work, name), source]);
  compile(join(import.meta.dirname, 'measure.c'), 'measure');
  const floor = existsSync(floorSource);
  if (floor) compile(floorSource, 'floor');
  else console.log('floor.c is not there: measuring without it');
  const binary = resolve(process.env.PROA ?? join(repository, 'dist/proa-runtime'));
  if (!existsSync(binary)) stop(`${binary} is not built: npm run build`);
  cpSync(binary, join(work, 'proa-runtime'), { dereference: true });
  const rootfs = join(work, 'rootfs');
  for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp', 'etc']) mkdirSync(join(rootfs, name), { recursive: true });
  cpSync('/bin/busybox', join(rootfs, 'bin/busybox'), { dereference: true });
  for (const name of ['true', 'sleep', 'sh']) linkSync(join(rootfs, 'bin/busybox'), join(rootfs, 'bin', name));
  return { floor };
}

/** Writes the bundles: runc's own default configuration, with only the program changed. */
function bundles(work, inPeers) {
  mkdirSync(join(work, 'spec'));
  inPeers(['runc', 'spec', '--bundle', join(work, 'spec')]);
  const base = JSON.parse(readFileSync(join(work, 'spec/config.json'), 'utf8'));
  base.process.terminal = false;
  base.root.path = join(work, 'rootfs');
  const write = (name, args, seccomp) => {
    mkdirSync(join(work, name));
    const config = structuredClone(base);
    config.process.args = args;
    if (seccomp) config.linux.seccomp = seccomp;
    writeFileSync(join(work, name, 'config.json'), JSON.stringify(config));
  };
  write('true', ['/bin/true']);
  write('seccomp', ['/bin/true'], dockerProfile(base.process.capabilities.bounding));
  write('sleep', ['/bin/sleep', '100000']);
}

/** Subjects by name: the steps of `measure`, and what must be there before. */
function subjectsOf(work, { floor }) {
  const programs = { proa: join(work, 'proa-runtime'), crun: 'crun', runc: 'runc' };
  const subjects = {};
  if (floor) subjects['run floor'] = [['time', join(work, 'floor'), join(work, 'rootfs'), '/bin/true']];
  for (const [name, program] of Object.entries(programs)) {
    const call = [program, '--root', `/run/bench-${name}`];
    const pid = `/run/pid-${name}`;
    const id = `bench-${name}`;
    subjects[`run ${name}`] = [['time', ...call, 'run', '-b', join(work, 'true'), id]];
    subjects[`seccomp ${name}`] = [['time', ...call, 'run', '-b', join(work, 'seccomp'), id]];
    subjects[`lifecycle ${name}`] = [
      ['time', ...call, 'create', '-b', join(work, 'true'), '--pid-file', pid, id],
      ['time', ...call, 'start', id],
      ['wait', pid],
      ['time', ...call, 'delete', id],
    ];
    subjects[`exec ${name}`] = [['time', ...call, 'exec', `${id}-kept`, '/bin/true']];
    subjects[`state ${name}`] = [['time', ...call, 'state', `${id}-kept`]];
  }
  const keep = Object.entries(programs).map(([name, program]) => {
    const call = [program, '--root', `/run/bench-${name}`];
    return {
      begin: [...call, 'run', '-d', '-b', join(work, 'sleep'), `bench-${name}-kept`],
      end: [...call, 'delete', '--force', `bench-${name}-kept`],
    };
  });
  return { subjects, keep };
}

/** Families are measured one after the other, so that what is compared runs closest together. */
const families = ['run', 'seccomp', 'lifecycle', 'exec', 'state'];
const familySeconds = 300;

function measure(work, family, subjects, inPeers) {
  // With the seccomp profile is compared with without.
  const chosen = Object.entries(subjects).filter(
    ([name]) =>
      name.startsWith(`${family} `) || (family === 'seccomp' && name.startsWith('run ') && !name.endsWith('floor')),
  );
  const plan = chosen.flatMap(([name, steps]) => [
    `subject\t${name.replace(' ', '-')}`,
    ...steps.map((s) => s.join('\t')),
  ]);
  writeFileSync(join(work, 'plan'), `${plan.join('\n')}\n`);
  const files = [join(work, 'plan'), join(work, 'errors')];
  const text = inPeers([join(work, 'measure'), String(rounds), String(warmUp), ...files]);
  const results = {};
  for (const line of text.trim().split('\n')) {
    const [name, round, microseconds, peak] = line.split(' ');
    results[name] ??= { times: [], peaks: [] };
    results[name].times[Number(round)] = Number(microseconds) / 1000;
    results[name].peaks[Number(round)] = Number(peak);
  }
  return results;
}

function printTimes(family, results) {
  console.log(`\n${family}: median (min, 90 %) ms, peak MB`);
  for (const [name, { times, peaks }] of Object.entries(results)) {
    const numbers = [median(times), Math.min(...times), quantile(times, 0.9)].map((n) => n.toFixed(2));
    const peak = (median(peaks) / 1024).toFixed(1);
    console.log(`  ${name.padEnd(18)} ${numbers[0].padStart(7)} (${numbers[1]}, ${numbers[2]})  ${peak}`);
  }
}

async function main() {
  needPackages(['gcc', 'libc6-dev', 'busybox-static']);
  const work = mkdtempSync('/tmp/proa-bench-');
  const peers = await openPeers({ network: false });
  const inPeers = (line) => {
    const [program, words] = peers.command(line);
    const done = spawnSync(program, words, {
      encoding: 'utf8',
      env: peers.environment(),
      timeout: familySeconds * 1000,
    });
    if (done.status === 0) return done.stdout;
    const errors = existsSync(join(work, 'errors'))
      ? readFileSync(join(work, 'errors'), 'utf8').split('\n').slice(-6)
      : [];
    throw new Error(`${line.join(' ')}: ${done.stderr.trim()}\n${errors.join('\n')}`);
  };
  const measured = {};
  let bytes;
  try {
    const made = prepare(work);
    bundles(work, inPeers);
    const { subjects, keep } = subjectsOf(work, made);
    bytes = loadedBytes(inPeersErrors(peers), join(work, 'proa-runtime'), join(work, 'true'));
    for (const { begin } of keep) detach(peers, begin);
    for (const family of families.filter((name) => name.includes(only))) {
      try {
        measured[family] = measure(work, family, subjects, inPeers);
        printTimes(family, measured[family]);
      } catch (error) {
        // What one family shows wrong does not take the numbers of the others away.
        console.log(`\n${family}: failed: ${error.message}`);
        process.exitCode = 1;
      }
    }
    for (const { end } of keep) inPeers(end);
  } finally {
    await peers.end();
    rmSync(work, { recursive: true, force: true });
  }
  const model = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown processor';
  const lines = rows(measured, bytes, pairedRatio);
  const note = `${rounds} rounds on ${cpus().length} cores (${model})`;
  console.log(`\n${note}\n${textTable(lines)}`);
  const file = option('json', '');
  if (file) writeFileSync(file, JSON.stringify({ note, bytes, measured }));
  if (process.argv.includes('--write')) replaceTable(join(repository, 'README.md'), note, lines);
  if (lines.some(({ verdict }) => verdict === 'miss')) process.exitCode = 1;
}

/** Runs a command without keeping its standard error, which a detached container would hold open. */
function detach(peers, line) {
  const [program, words] = peers.command(line);
  const done = spawnSync(program, words, { stdio: 'ignore', env: peers.environment() });
  if (done.status !== 0) throw new Error(`${line.join(' ')}: exit ${done.status}`);
}

function inPeersErrors(peers) {
  return (line) => {
    const [program, words] = peers.command(line);
    return spawnSync(program, words, { encoding: 'utf8', env: peers.environment() }).stderr;
  };
}

await main();
