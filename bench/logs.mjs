// Measures the log writers against conmon, in the root of tools/peers.mjs: a producer writes lines as fast as they are
// read, and each writer is measured from its start to its end. Taking turns; medians. Options:
//   --rounds=N          15 unless given
//   --megabytes=N       output of a round with lines of 80 bytes, 256 unless given; a sixteenth of it with lines of 2 bytes
//   --directory=PATH    where the logs are written, /tmp unless given
//   --docker            dockerd's json-file too, by the times in its log: it cannot be measured from start to end
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { openPeers } from '../tools/peers.mjs';
import { needPackages } from '../tools/system.mjs';
import { dockerRate } from './logs-docker.mjs';
import { median, pairedRatio } from './statistics.mjs';

const repository = resolve(import.meta.dirname, '..');
const option = (name, fallback) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
const rounds = Number(option('rounds', '15'));
const megabytes = Number(option('megabytes', '256'));

// Called as a runtime by conmon: starts the producer, with conmon's pipes, and says who it is.
const runtime = `#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in --pid-file) pid=$2; shift;; --bundle) bundle=$2; shift;; esac
    shift
done
. "$bundle/command" &
echo $! > "$pid"
`;

/** The commands of each subject, by name; each writes `file`. */
function subjectsOf(work, lineBytes, bytes) {
  const measure = join(work, 'logs-measure');
  const report = join(work, 'producer');
  const produce = `exec ${measure} produce ${lineBytes} ${bytes} ${report}`;
  writeFileSync(join(work, 'bundle/command'), `${produce}\n`);
  const ours = (format) => {
    const path = join(work, `${format}.log`);
    const settings = JSON.stringify({ format, path, maximumBytes: 0, files: 1, compress: false });
    return { path, command: ['sh', '-c', `(${produce}) | ${join(work, 'log-writer')} '${settings}' 2>/dev/null`] };
  };
  const conmon =
    `conmon --api-version 1 -c bench -u bench -n bench -r ${join(work, 'runtime')} -b ${join(work, 'bundle')}
    -p ${join(work, 'pidfile')} -P ${join(work, 'conmon.pid')} --exit-dir ${join(work, 'exits')}
    -l k8s-file:${join(work, 'conmon.log')} --full-attach --log-level error --no-sync-log`.split(/\s+/);
  return {
    conmon: { path: join(work, 'conmon.log'), command: conmon },
    'proa cri': ours('cri'),
    'proa json-file': ours('json-file'),
  };
}

/** Megabytes of output a second, and the processor seconds that the writer took for them. */
function runOnce(work, { path, command }, bytes, inPeers) {
  rmSync(path, { force: true });
  const [seconds, processor] = inPeers([join(work, 'logs-measure'), 'run', ...command])
    .split(' ')
    .map(Number);
  if (statSync(path).size < bytes) throw new Error(`${path} does not hold all lines`);
  const producer = Number(readFileSync(join(work, 'producer'), 'utf8'));
  return { rate: bytes / 1e6 / seconds, processor: processor - producer };
}

function measureLines(work, lineBytes, inPeers) {
  const bytes = Math.floor((megabytes * 1e6) / (lineBytes === 2 ? 16 : 1) / lineBytes) * lineBytes;
  const subjects = subjectsOf(work, lineBytes, bytes);
  const results = {};
  for (let round = -1; round < rounds; round++) {
    for (const [name, subject] of Object.entries(subjects)) {
      const { rate, processor } = runOnce(work, subject, bytes, inPeers);
      results[name] ??= { rates: [], processors: [] };
      if (round < 0) continue; // warm-up
      results[name].rates.push(rate);
      results[name].processors.push(processor);
    }
  }
  console.log(`\nlines of ${lineBytes} bytes, ${(bytes / 1e6).toFixed(0)} MB, ${rounds} rounds`);
  for (const [name, { rates, processors }] of Object.entries(results)) {
    const against = name === 'conmon' ? '' : ratios(results[name], results.conmon);
    const numbers = `${median(rates).toFixed(1).padStart(7)} MB/s  ${median(processors).toFixed(3)} s of processor`;
    console.log(`  ${name.padEnd(16)}${numbers}${against}`);
  }
  const { rates, processors } = results['proa cri'];
  return pairedRatio(rates, results.conmon.rates) >= 1 && pairedRatio(processors, results.conmon.processors) <= 1;
}

function ratios(ours, conmons) {
  const rate = pairedRatio(ours.rates, conmons.rates).toFixed(2);
  return `   ${rate} x conmon's rate, ${pairedRatio(ours.processors, conmons.processors).toFixed(2)} x its processor time`;
}

async function main() {
  needPackages(['gcc', 'libc6-dev', 'zlib1g-dev']);
  execFileSync('node', [join(repository, 'tools/log-writer.mjs')], { stdio: 'inherit' });
  const work = mkdtempSync(join(option('directory', '/tmp'), 'proa-bench-logs-'));
  const peers = await openPeers({ network: true });
  const inPeers = (line) => {
    const [program, words] = peers.command(line);
    const done = spawnSync(program, words, { encoding: 'utf8', env: peers.environment(), timeout: 300_000 });
    if (done.status !== 0) throw new Error(`${line.join(' ')}: exit ${done.status}: ${done.stderr}`);
    return done.stdout;
  };
  try {
    const source = join(import.meta.dirname, 'logs-measure.c');
    execFileSync('cc', ['-O2', '-static', '-o', join(work, 'logs-measure'), source]);
    copyFileSync(join(repository, 'build/log-writer'), join(work, 'log-writer'));
    for (const name of ['bundle', 'exits']) mkdirSync(join(work, name));
    writeFileSync(join(work, 'runtime'), runtime);
    chmodSync(join(work, 'runtime'), 0o755);
    const held = [80, 2].map((lineBytes) => measureLines(work, lineBytes, inPeers));
    if (process.argv.includes('--docker')) await dockerRate({ peers, work, inPeers, megabytes });
    if (held.includes(false)) process.exitCode = 1;
  } finally {
    await peers.end();
    rmSync(work, { recursive: true, force: true });
  }
}

await main();
