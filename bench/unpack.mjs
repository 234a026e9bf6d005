// Measures proa-unpack against GNU tar on the same archive, taking turns, on one file system: about 200 MB in some 10,900
// entries, taken from this machine's /usr. Medians of wall clock and processor time. Options:
//   --rounds=N          15 unless given
//   --directory=PATH    where both unpack, /tmp unless given
//   --entries=N, --megabytes=N
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { median, pairedRatio } from './statistics.mjs';

const option = (name, fallback) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
const rounds = Number(option('rounds', '15'));
const wantedEntries = Number(option('entries', '10900'));
const wantedBytes = Number(option('megabytes', '200')) * 1e6;
const binary = resolve(import.meta.dirname, '../dist/proa-unpack');

const subjects = {
  'GNU tar': (archive, target) => `tar -C ${target} --numeric-owner --xattrs --xattrs-include='*' -xf - < ${archive}`,
  'proa-unpack': (archive, target) => `${binary} --root ${target} < ${archive} > /dev/null`,
  'GNU tar, pipe': (archive, target) =>
    `cat ${archive} | tar -C ${target} --numeric-owner --xattrs --xattrs-include='*' -xf -`,
  'proa-unpack, pipe': (archive, target) => `cat ${archive} | ${binary} --root ${target} > /dev/null`,
};

/** Takes files of /usr: every third entry of a listing until the size is reached, and small ones after that. */
function makeArchive(archive, list) {
  const lines = execFileSync('find', ['/usr', '-xdev', '-printf', '%y %s %P\n'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const chosen = [];
  let bytes = 0;
  for (const line of lines.split('\n')) {
    const [, kind, size, path] = /^(\S) (\d+) (.+)$/.exec(line) ?? [];
    if (!path || chosen.length >= wantedEntries) continue;
    const mean = wantedBytes / wantedEntries;
    if (kind === 'f' && bytes + Number(size) > mean * (chosen.length + 1) + 2e7) continue;
    chosen.push(path);
    if (kind === 'f') bytes += Number(size);
  }
  writeFileSync(list, `${chosen.join('\0')}\0`);
  execFileSync('tar', ['-C', '/usr', '--no-recursion', '--null', '-T', list, '-cf', archive]);
  console.log(`${chosen.length} entries, ${(statSync(archive).size / 1e6).toFixed(0)} MB`);
}

/** Seconds of wall clock and of processor, user and system, of a command and its children. */
function measure(work, command) {
  const times = join(work, 'times');
  const started = process.hrtime.bigint();
  const run = spawnSync('bash', ['-c', `TIMEFORMAT='%R %U %S'; { time { ${command} ; } ; } 2> ${times}`], {
    timeout: 120_000,
  });
  if (run.status !== 0) throw new Error(`${command}: ${readFileSync(times, 'utf8')}`);
  const [, user, system] = readFileSync(times, 'utf8').trim().split('\n').at(-1).split(' ').map(Number);
  return { wall: Number(process.hrtime.bigint() - started) / 1e9, processor: user + system, user };
}

function main() {
  const work = mkdtempSync(join(option('directory', '/tmp'), 'proa-bench-unpack-'));
  const archive = join(work, 'layer.tar');
  const results = {};
  try {
    makeArchive(archive, join(work, 'list'));
    for (let round = -1; round < rounds; round++) {
      for (const [name, command] of Object.entries(subjects)) {
        const target = join(work, 'target');
        mkdirSync(target);
        const result = measure(work, command(archive, target));
        rmSync(target, { recursive: true });
        if (round >= 0) results[name] = [...(results[name] ?? []), result];
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const held = [report(results, 'GNU tar', 'proa-unpack'), report(results, 'GNU tar, pipe', 'proa-unpack, pipe')];
  if (held.includes(false)) process.exitCode = 1;
}

/** Whether ours costs at most a fifth more. */
function report(results, theirs, ours) {
  for (const name of [theirs, ours]) {
    const columns = ['wall', 'processor', 'user'].map(
      (key) => `${key} ${median(results[name].map((one) => one[key])).toFixed(3)} s`,
    );
    console.log(`  ${name.padEnd(18)}${columns.join('  ')}`);
  }
  const ratio = (key) => pairedRatio(...[ours, theirs].map((name) => results[name].map((one) => one[key])));
  console.log(`  ${ratio('wall').toFixed(2)} x the wall clock, ${ratio('processor').toFixed(2)} x the processor time`);
  return ratio('wall') <= 1.2 && ratio('processor') <= 1.2;
}

main();
