// Measures the runtime against the kernel's own price (floor.c), crun and runc: everything in one run, taking turns, in
// the root of tools/peers.mjs. Prints the ratios to hold. Options:
//   --rounds=N    60 unless given; medians are of N
//   --only=WORD   subjects whose name holds the word
//   --write       puts the table into README.md
//   --json=FILE   writes what was measured
// The binary is dist/proa-runtime, or $PROA; floor.c is taken from $FLOOR_C or ../shared/bench, and left out without.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dockerProfile } from './docker-profile.mjs';
import { loadedBytes } from './loaded-bytes.mjs';
import { noteOf, openBench, option, printTimes } from './site.mjs';
import { replaceTable, rows, textTable } from './table.mjs';

const repository = resolve(import.meta.dirname, '..');
const rounds = Number(option('rounds', '60'));
const only = option('only', '');

function bundles({ bundle }) {
  bundle('true', ['/bin/true']);
  bundle('seccomp', ['/bin/true'], (config) => {
    config.linux.seccomp = dockerProfile(config.process.capabilities.bounding);
  });
  bundle('sleep', ['/bin/sleep', '100000']);
}

/** Subjects by name: the steps of `measure`, and what must be there before. */
function subjectsOf({ work, floor }) {
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

function subjectsOfFamily(family, subjects) {
  // With the seccomp profile is compared with without.
  const chosen = Object.entries(subjects).filter(
    ([name]) =>
      name.startsWith(`${family} `) || (family === 'seccomp' && name.startsWith('run ') && !name.endsWith('floor')),
  );
  return Object.fromEntries(chosen);
}

async function main() {
  const bench = await openBench();
  const { work } = bench;
  const measured = {};
  let bytes;
  try {
    bundles(bench);
    const { subjects, keep } = subjectsOf(bench);
    bytes = loadedBytes(bench.errorsOf, join(work, 'proa-runtime'), join(work, 'true'));
    for (const { begin } of keep) bench.detach(begin);
    for (const family of families.filter((name) => name.includes(only))) {
      try {
        measured[family] = bench.measure(subjectsOfFamily(family, subjects), rounds);
        printTimes(family, measured[family]);
      } catch (error) {
        // What one family shows wrong does not take the numbers of the others away.
        console.log(`\n${family}: failed: ${error.message}`);
        process.exitCode = 1;
      }
    }
    for (const { end } of keep) bench.run(end);
  } finally {
    await bench.end();
  }
  const lines = rows(measured, bytes);
  const note = noteOf(rounds);
  console.log(`\n${note}\n${textTable(lines)}`);
  const file = option('json', '');
  if (file) writeFileSync(file, JSON.stringify({ note, bytes, measured }));
  if (process.argv.includes('--write')) replaceTable(join(repository, 'README.md'), note, lines);
  if (lines.some(({ verdict }) => verdict === 'miss')) process.exitCode = 1;
}

await main();
