// Measures agent and monitors: a start through the agent against the kernel's own price (floor.c), exec through a monitor
// against crun's, and the memory of a monitor against conmon's and containerd's shim, in the root of tools/peers.mjs.
// Prints the ratios to hold. Options:
//   --rounds=N        60 unless given; medians are of N
//   --containers=N    50 unless given: how many of ours memory is measured over
//   --checks=N        1000 unless given: health checks of each before that
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { noteOf, openBench, option, printTimes } from './site.mjs';
import { ratioRows, textTable } from './table.mjs';

const rounds = Number(option('rounds', '60'));
const containers = Number(option('containers', '50'));
const checks = Number(option('checks', '1000'));
const conmons = 10;
const shims = 5;

const claims = [
  { what: 'start of /bin/true through the agent', family: 'start', against: 'floor', limit: 1.2 },
  { what: 'exec of /bin/true through a monitor', family: 'exec', against: 'crun', limit: 0.5 },
  { what: 'memory of an idle monitor', family: 'memory', against: 'shim', limit: 0.2, peak: true },
  { what: 'memory of an idle monitor', family: 'memory', against: 'conmon', limit: 2.6, peak: true },
];

/** An agent, and questions to it and to monitors. */
function agentOf({ work, peers, run }) {
  // In memory, as /run is for the others; there, since it is the same inside the peers' root.
  const directories = { run: mkdtempSync('/dev/shm/proa-bench-'), state: join(work, 'state') };
  const words = [join(work, 'proa-agent'), '--run', directories.run, '--state', directories.state];
  const [program, line] = peers.command(words);
  spawn(program, line, { stdio: ['ignore', 'ignore', 'inherit'], env: peers.environment() });
  const request = (id, bundle, more = {}) => ({
    id,
    bundle,
    start: true,
    stdin: 'none',
    log: { format: 'json-file', path: join(work, `${id}.log`), maximumBytes: 1e7, files: 5, compress: true },
    ...more,
  });
  const ask = (socket, ...questions) => [
    join(work, 'ask'),
    socket,
    ...questions.map((question, number) => JSON.stringify({ number, ...question })),
  ];
  const monitor = (id) => join(directories.run, 'containers', id, 'monitor');
  return {
    socket: join(directories.run, 'agent'),
    create: (id, bundle, more) =>
      ask(join(directories.run, 'agent'), { ask: 'create', container: request(id, bundle, more) }),
    ask: (id, ...questions) => ask(monitor(id), ...questions),
    stateOf(id) {
      const kept = join('containers', id, 'state.json');
      const file = join(directories.run, kept);
      if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
      throw new Error(`${id} has ended: ${readFileSync(join(directories.state, kept), 'utf8')}`);
    },
    directoryOf: (id) => join(directories.run, 'containers', id),
    end: () => rmSync(directories.run, { recursive: true, force: true }),
    remove: (id) => run(ask(monitor(id), { ask: 'remove' })),
  };
}

async function until(what, holds, seconds) {
  for (const end = Date.now() + seconds * 1000; !holds(); await sleep(100))
    if (Date.now() > end) throw new Error(`not in ${seconds} s: ${what}`);
}

/** What is timed is the answer; what follows a container's end is waited for, and is not the next one's time. */
function measureStarts({ work, floor, measure, bundle }, agent) {
  if (!floor) return {};
  const create = agent.create('bench-start', bundle('true', ['/bin/true']), { removeOnExit: true });
  const gone = `while [ -e ${agent.directoryOf('bench-start')} ]; do sleep 0.01; done`;
  return measure(
    {
      'start proa': [
        ['time', ...create],
        ['free', 'sh', '-c', gone],
      ],
      'start floor': [['time', join(work, 'floor'), join(work, 'rootfs'), '/bin/true']],
    },
    rounds,
  );
}

function measureExecs({ run, detach, measure }, agent, sleeper) {
  const crun = ['crun', '--root', '/run/bench-crun'];
  detach([...crun, 'run', '--detach', '--bundle', sleeper, 'bench-crun']);
  run(agent.create('bench-exec', sleeper));
  const process = { args: ['/bin/true'], cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'] };
  const steps = [
    { ask: 'exec', process, stdin: false, stdout: true, stderr: true },
    { ask: 'exec-start', exec: '@' },
    { ask: 'exec-wait', exec: '@' },
  ];
  const subjects = {
    'exec proa': [['time', ...agent.ask('bench-exec', ...steps)]],
    'exec crun': [['time', ...crun, 'exec', 'bench-crun', '/bin/true']],
  };
  const results = measure(subjects, rounds);
  run([...crun, 'delete', '--force', 'bench-crun']);
  agent.remove('bench-exec');
  return results;
}

/** Of each process, in kilobytes. */
function memoryOf({ run }, pids) {
  const files = pids.map((pid) => `/proc/${pid}/smaps_rollup`);
  return run(['grep', '--no-filename', '^Pss:', ...files])
    .trim()
    .split('\n')
    .map((line) => Number(line.split(/\s+/)[1]));
}

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** Each check counts itself and fails; the last one succeeds, after which no further comes for an hour: all are idle. */
async function measureMonitors(bench, agent) {
  const counts = join(bench.work, 'counts');
  mkdirSync(counts);
  const names = Array.from({ length: containers }, (_, index) => `bench-${index}`);
  const checked = bench.bundle('checked', ['/bin/sleep', '100000'], (config) => {
    config.mounts.push({ destination: '/tmp', type: 'bind', source: counts, options: ['bind', 'rw'] });
  });
  const hour = 3_600_000;
  for (const name of names) {
    writeFileSync(join(counts, name), '0\n');
    const script = `read count < /tmp/${name}; count=$((count+1)); echo $count > /tmp/${name}; [ $count -ge ${checks} ]`;
    const args = ['/bin/sh', '-c', script];
    const health = { args, interval: hour, timeout: hour, retries: 1, startPeriod: hour, startInterval: 10 };
    bench.run(agent.create(name, checked, { health }));
  }
  const pids = names.map((name) => agent.stateOf(name).monitor.pid);
  const fresh = memoryOf(bench, pids);
  const done = () => names.every((name) => agent.stateOf(name).health?.status === 'healthy');
  await until(`${checks} checks of ${containers} containers`, done, 60 + (containers * checks) / 50);
  await sleep(1000);
  const used = memoryOf(bench, pids);
  console.log(`\nmonitors: ${mean(fresh).toFixed(0)} KB when started, ${mean(used).toFixed(0)} KB after the checks`);
  for (const name of names) agent.remove(name);
  return used;
}

async function measureConmons(bench, sleeper) {
  const pids = [];
  const names = Array.from({ length: conmons }, (_, index) => `bench-conmon-${index}`);
  const crun = ['crun', '--root', '/run/bench-conmon'];
  for (const name of names) {
    const file = (suffix) => join(bench.work, `${name}.${suffix}`);
    const words = ['--api-version', '1', '--cid', name, '--cuuid', name, '--name', name, '--bundle', sleeper];
    const files = ['--container-pidfile', file('pid'), '--conmon-pidfile', file('conmon'), '--log-path', file('log')];
    const runtime = ['--runtime', '/usr/bin/crun', '--runtime-arg', '--root=/run/bench-conmon'];
    bench.detach(['conmon', ...words, ...files, ...runtime, '--exit-dir', bench.work, '--socket-dir-path', bench.work]);
    await until(`${name} has made its container`, () => existsSync(file('pid')), 10);
    bench.run([...crun, 'start', name]);
    pids.push(readFileSync(file('conmon'), 'utf8').trim());
  }
  await sleep(1000);
  const used = memoryOf(bench, pids);
  for (const name of names) bench.run([...crun, 'delete', '--force', name]);
  return used;
}

async function measureShims(bench) {
  const { work, peers, run, detach } = bench;
  const config = join(work, 'containerd.toml');
  const disabled = ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.runtime', 'io.containerd.cri.v1.images'];
  writeFileSync(config, `version = 2\ndisabled_plugins = ${JSON.stringify(disabled)}\n`);
  const socket = '/run/bench-containerd.sock';
  const places = ['--address', socket, '--root', join(work, 'containerd'), '--state', '/run/bench-containerd'];
  const [program, words] = peers.command(['containerd', '--config', config, ...places, '--log-level', 'error']);
  spawn(program, words, { stdio: 'ignore', env: peers.environment() });
  const ctr = ['ctr', '--address', socket, '--namespace', 'proa-bench'];
  await until('containerd answers', () => answers(run, [...ctr, 'version']), 60);
  const names = Array.from({ length: shims }, (_, index) => `bench-shim-${index}`);
  const flags = ['--runtime', 'io.containerd.runc.v2', '--rootfs', '--detach'];
  for (const name of names) detach([...ctr, 'run', ...flags, join(work, 'rootfs'), name, '/bin/sleep', '100000']);
  await sleep(1000);
  const pids = run(['pgrep', '--full', '^[^ ]*containerd-shim-runc-v2 ']).trim().split('\n');
  if (pids.length !== shims) throw new Error(`${pids.length} shims for ${shims} containers`);
  const used = memoryOf(bench, pids);
  for (const name of names) run([...ctr, 'tasks', 'rm', '--force', name]);
  return used;
}

function answers(run, line) {
  try {
    run(line);
    return true;
  } catch {
    return false;
  }
}

async function main() {
  const bench = await openBench({ tools: ['ask'] });
  const measured = {};
  const agent = agentOf(bench);
  try {
    await until('the agent listens', () => existsSync(agent.socket), 10);
    const sleeper = bench.bundle('sleep', ['/bin/sleep', '100000']);
    measured.start = measureStarts(bench, agent);
    printTimes('start', measured.start);
    measured.exec = measureExecs(bench, agent, sleeper);
    printTimes('exec', measured.exec);
    const memory = {
      proa: await measureMonitors(bench, agent),
      conmon: await measureConmons(bench, sleeper),
      shim: await measureShims(bench),
    };
    // Nothing pairs the processes: means are compared.
    measured.memory = Object.fromEntries(
      Object.entries(memory).map(([name, used]) => [`memory-${name}`, { peaks: [mean(used)] }]),
    );
  } finally {
    await bench.end();
    agent.end();
  }
  const lines = ratioRows(claims, measured);
  console.log(`\n${noteOf(rounds)}\n${textTable(lines)}`);
  if (lines.length < claims.length || lines.some(({ verdict }) => verdict === 'miss')) process.exitCode = 1;
}

await main();
