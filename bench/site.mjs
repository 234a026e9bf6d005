// Where benchmarks run: tools and bundles in a directory that is the same inside the peers' root, commands in that root,
// and plans of `measure` (measure.c).
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { openPeers } from '../tools/peers.mjs';
import { needPackages, stop } from '../tools/system.mjs';
import { median, quantile } from './statistics.mjs';

const repository = resolve(import.meta.dirname, '..');
const planSeconds = 300;

/** The value of `--name=value` on the command line. */
export const option = (name, fallback) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;

/** `tools`: programs of this directory that are wanted beside `measure`. floor.c comes from $FLOOR_C or ../shared/bench. */
export async function openBench({ tools = [] } = {}) {
  needPackages(['gcc', 'libc6-dev', 'busybox-static']);
  const work = mkdtempSync('/tmp/proa-bench-');
  const peers = await openPeers({ network: false });
  const end = async () => {
    await peers.end();
    rmSync(work, { recursive: true, force: true });
  };
  try {
    const floor = prepare(work, tools);
    return { work, floor, peers, ...commands(peers, work), end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Whether floor.c was there. */
function prepare(work, tools) {
  const floorSource = process.env.FLOOR_C ?? join(repository, '../shared/bench/floor.c');
  const compile = (source, name) => execFileSync('cc', ['-O2', '-static', '-o', join(work, name), source]);
  for (const name of ['measure', ...tools]) compile(join(import.meta.dirname, `${name}.c`), name);
  const floor = existsSync(floorSource);
  if (floor) compile(floorSource, 'floor');
  else console.log('floor.c is not there: measuring without it');
  const binary = resolve(process.env.PROA ?? join(repository, 'dist/proa-runtime'));
  if (!existsSync(binary)) stop(`${binary} is not built: npm run build`);
  // Programs are known by the name they are called by.
  for (const name of ['proa-runtime', 'proa-agent']) cpSync(binary, join(work, name), { dereference: true });
  const rootfs = join(work, 'rootfs');
  for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp', 'etc']) mkdirSync(join(rootfs, name), { recursive: true });
  cpSync('/bin/busybox', join(rootfs, 'bin/busybox'), { dereference: true });
  for (const name of ['true', 'sleep', 'sh']) linkSync(join(rootfs, 'bin/busybox'), join(rootfs, 'bin', name));
  return floor;
}

function commands(peers, work) {
  /** Runs a command to its end: its output. */
  function run(line) {
    const [program, words] = peers.command(line);
    const options = { encoding: 'utf8', env: peers.environment(), timeout: planSeconds * 1000 };
    const done = spawnSync(program, words, options);
    if (done.status === 0) return done.stdout;
    const errors = existsSync(join(work, 'errors'))
      ? readFileSync(join(work, 'errors'), 'utf8').split('\n').slice(-6)
      : [];
    throw new Error(`${line.join(' ')}: ${done.error ?? done.stderr.trim()}\n${errors.join('\n')}`);
  }

  /** Runs a command without keeping its streams, which a detached container would hold open. */
  function detach(line) {
    const [program, words] = peers.command(line);
    const done = spawnSync(program, words, { stdio: 'ignore', env: peers.environment() });
    if (done.status !== 0) throw new Error(`${line.join(' ')}: exit ${done.status}`);
  }

  /** What a command writes to its standard error. */
  function errorsOf(line) {
    const [program, words] = peers.command(line);
    return spawnSync(program, words, { encoding: 'utf8', env: peers.environment() }).stderr;
  }

  /** runc's own default configuration, without a terminal. */
  function defaultConfig() {
    const directory = join(work, 'spec');
    if (!existsSync(directory)) {
      mkdirSync(directory);
      run(['runc', 'spec', '--bundle', directory]);
    }
    const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
    config.process.terminal = false;
    config.root.path = join(work, 'rootfs');
    return config;
  }

  /** The path of a bundle with the default configuration, but for the program and what `change` does to it. */
  function bundle(name, args, change = () => {}) {
    const config = defaultConfig();
    config.process.args = args;
    change(config);
    mkdirSync(join(work, name));
    writeFileSync(join(work, name, 'config.json'), JSON.stringify(config));
    return join(work, name);
  }

  /**
   * Measures subjects (name to steps) in turns: by name, times in milliseconds and peaks in kilobytes of each round. `settle`:
   * milliseconds before each; the kernel takes namespaces apart after a container's end, which may be told already.
   */
  function measure(subjects, rounds, { warmUp = Math.max(3, Math.round(rounds / 10)), settle = 20 } = {}) {
    const plan = Object.entries(subjects).flatMap(([name, steps]) => [
      `subject\t${name.replace(' ', '-')}`,
      ...steps.map((step) => step.join('\t')),
    ]);
    writeFileSync(join(work, 'plan'), `${plan.join('\n')}\n`);
    const files = [join(work, 'plan'), join(work, 'errors')];
    const results = {};
    for (const line of run([join(work, 'measure'), `${rounds}`, `${warmUp}`, `${settle}`, ...files])
      .trim()
      .split('\n')) {
      const [name, round, microseconds, peak] = line.split(' ');
      results[name] ??= { times: [], peaks: [] };
      results[name].times[Number(round)] = Number(microseconds) / 1000;
      results[name].peaks[Number(round)] = Number(peak);
    }
    return results;
  }

  return { run, detach, errorsOf, bundle, measure };
}

export function printTimes(family, results) {
  console.log(`\n${family}: median (min, 90 %) ms, peak MB`);
  for (const [name, { times, peaks }] of Object.entries(results)) {
    const numbers = [median(times), Math.min(...times), quantile(times, 0.9)].map((n) => n.toFixed(2));
    const peak = (median(peaks) / 1024).toFixed(1);
    console.log(`  ${name.padEnd(18)} ${numbers[0].padStart(7)} (${numbers[1]}, ${numbers[2]})  ${peak}`);
  }
}

/** What a table should say of where it comes from. */
export function noteOf(rounds) {
  const model = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown processor';
  return `${rounds} rounds on ${cpus().length} cores (${model})`;
}
