// crun's own test suite against crun and against our runtime, test by test: each in a fresh pid and network namespace and
// under a terminal, in the root of tools/peers.mjs. Prints where the two differ; fails when ours fails a test that crun
// passes and that crun-left-out.txt does not name.
//   node tests/suites/crun.mjs [WORD…]     tests whose name holds a word
// Environment: RUNTIMES (default "crun proa"); CRUN_SOURCE is a directory with another version of crun's source than the
// mirror has; SUITE_REPORT names a file for the output of the tests that failed; SUITE_VERBOSE=1 names each test before it
// runs.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { openPeers, peersRoot, repositoryInside } from '../../tools/peers.mjs';
import { debianMirror } from '../../tools/quickjs.mjs';
import { needPackages, stop } from '../../tools/system.mjs';

const repository = resolve(import.meta.dirname, '../..');
const store = join(repository, 'build/suites/crun');
const source = process.env.CRUN_SOURCE ?? join(store, 'source');
const words = process.argv.slice(2);
const testSeconds = 90;
const paths = { crun: '/usr/bin/crun', runc: '/usr/sbin/runc', proa: `${repositoryInside}/dist/proa-runtime` };
const runtimes = (process.env.RUNTIMES ?? 'crun proa').split(' ');

/** Downloads the newest source of crun that the mirror has; of a Debian source package the original archive is enough. */
function fetchSource() {
  mkdirSync(store, { recursive: true });
  if (process.env.CRUN_SOURCE) return source;
  const done = join(store, 'complete');
  if (existsSync(done)) return readFileSync(done, 'utf8').trim();
  rmSync(store, { recursive: true, force: true });
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'source'])
    mkdirSync(join(store, name), { recursive: true });
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const suites = ['sid', 'trixie', 'bookworm'];
  const lines = suites.map((suite) => `deb-src [signed-by=${keys}] ${debianMirror()} ${suite} main\n`);
  writeFileSync(join(store, 'sources.list'), lines.join(''));
  const options = [
    `-oDir::Etc::sourcelist=${store}/sources.list`,
    '-oDir::Etc::sourceparts=-',
    `-oDir::State::lists=${store}/state/lists`,
    `-oDir::Cache=${store}/cache`,
    '-oAPT::Sandbox::User=root',
    '-oAcquire::Check-Valid-Until=false',
  ];
  const apt = (program, ...rest) => spawnSync(program, [...options, ...rest], { cwd: store, encoding: 'utf8' });
  apt('apt-get', '-qq', 'update');
  const known = apt('apt-cache', 'showsrc', 'crun').stdout.matchAll(/^Version: (\S+)/gm);
  for (const [, version] of known) {
    apt('apt-get', '-qq', 'source', '--download-only', `crun=${version}`);
    const archive = readdirSync(store).find((name) => /^crun_.*\.orig\.tar\.(gz|xz|bz2|zst)$/.test(name));
    if (!archive) continue;
    execFileSync('tar', ['-xf', join(store, archive), '-C', source, '--strip-components=1']);
    writeFileSync(done, archive);
    return archive;
  }
  return stop('the mirror has no source of crun');
}

/** The program that the suite runs as a container's first, built without what the suite does not need of it. */
function buildInit() {
  writeFileSync(join(store, 'config.h'), '#define HAVE_LINUX_IOPRIO_H 1\n');
  execFileSync('cc', ['-static', '-O1', '-w', `-I${store}`, '-o', join(store, 'init'), join(source, 'tests/init.c')]);
}

/**
 * The runtime with crun's list of features added to what `--version` prints: without it the suite leaves out the tests of
 * NOTIFY_SOCKET, thinking them the business of a crun that was built with systemd.
 */
function writeDisguise(path) {
  const script = [
    '#!/bin/sh',
    // Many tests drop what the runtime says: its log keeps it for the report.
    `case "$*" in *--version) ;; *) exec ${paths.proa} --log ${path}.log "$@" ;; esac`,
    `${paths.proa} --version`,
    'echo "+SYSTEMD +SECCOMP +CAP"',
  ];
  writeFileSync(path, `${script.join('\n')}\n`, { mode: 0o755 });
}

/** `[file, name]` of every test, in order. */
function listTests(directory) {
  const found = [];
  for (const file of readdirSync(directory).sort()) {
    if (!/^test_.*\.py$/.test(file)) continue;
    const table = /^all_tests = \{([\s\S]*?)^\}/m.exec(readFileSync(join(directory, file), 'utf8'))?.[1] ?? '';
    for (const [, name] of table.matchAll(/^\s*["']([^"']+)["']\s*:/gm)) found.push([file, name]);
  }
  return found.filter(([, name]) => words.length === 0 || words.some((word) => name.includes(word)));
}

function leftOut() {
  const text = readFileSync(join(import.meta.dirname, 'crun-left-out.txt'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
}

/** Cgroups that the suite makes are named after its temporary directories, but for one. */
function removeCgroups() {
  spawnSync('rmdir', ['/sys/fs/cgroup/freezer/frozen'], { stdio: 'ignore' });
  const own = /(^|[-/])test-tmp[a-z0-9_]{8}/;
  spawnSync('find', ['/sys/fs/cgroup', '-depth', '-type', 'd', '-name', '*test-tmp*'], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((path) => own.test(path))
    .forEach((path) => {
      try {
        const below = spawnSync('find', [path, '-depth', '-mindepth', '1', '-type', 'd'], { encoding: 'utf8' }).stdout;
        for (const inner of below.split('\n').filter(Boolean)) rmdirSync(inner);
        rmdirSync(path);
      } catch {
        // Gone already.
      }
    });
}

/** "pass", "fail" or "skip", and what the test said. */
async function runTest(work, runtime, file, name) {
  const peers = await openPeers({ network: true });
  const line = `cd ${work} && exec python3 tests/${file}`;
  const [program, flags] = peers.command([
    'script',
    '--quiet',
    '--return',
    '--command',
    `sh -c '${line}'`,
    '/dev/null',
  ]);
  const env = peers.environment({
    OCI_RUNTIME: runtime === 'proa' ? join(work, 'proa-runtime') : (paths[runtime] ?? runtime),
    INIT: join(work, 'init'),
    RUN_TESTS: name,
    TMPDIR: work,
    PYTHONPATH: join(work, 'tests'),
    PYTHONDONTWRITEBYTECODE: '1',
  });
  // The end of its input would make script(1) type an end of file, and the terminal show it among the test's output.
  const silence = openSync(join(work, 'silence'), 'r+');
  const stdio = [silence, 'pipe', 'pipe'];
  const options = { encoding: 'utf8', timeout: testSeconds * 1000, killSignal: 'SIGKILL', stdio, env };
  const ended = spawnSync(program, flags, options);
  closeSync(silence);
  await peers.end();
  removeCgroups();
  const log = join(work, 'proa-runtime.log');
  const logged = existsSync(log) ? readFileSync(log, 'utf8') : '';
  rmSync(log, { force: true });
  const said = `${ended.stdout.replaceAll('\r', '')}${ended.error ? `${ended.error.message}\n` : ''}${logged}`;
  if (/^ok \d+ - .*#SKIP/m.test(said)) return { verdict: 'skip', said };
  return { verdict: /^ok \d+ - /m.test(said) ? 'pass' : 'fail', said };
}

async function main() {
  needPackages(['gcc', 'libc6-dev', 'xz-utils']);
  peersRoot();
  const archive = fetchSource();
  buildInit();
  const work = mkdtempSync('/tmp/proa-suite-');
  chmodSync(work, 0o755);
  const left = leftOut();
  const counts = {};
  const worse = [];
  const leftNow = [];
  const report = [];
  try {
    cpSync(join(source, 'tests'), join(work, 'tests'), { recursive: true });
    cpSync(join(store, 'init'), join(work, 'init'));
    execFileSync('mkfifo', [join(work, 'silence')]);
    cpSync(join(import.meta.dirname, 'libmount.py'), join(work, 'tests/libmount.py'));
    writeDisguise(join(work, 'proa-runtime'));
    const tests = listTests(join(work, 'tests'));
    console.log(`${archive}: ${tests.length} tests with ${runtimes.join(' and ')}`);
    for (const [file, name] of tests) {
      const verdicts = {};
      if (process.env.SUITE_VERBOSE) console.log(`${file} ${name}`);
      for (const runtime of runtimes) {
        const { verdict, said } = await runTest(work, runtime, file, name);
        verdicts[runtime] = verdict;
        counts[runtime] ??= { pass: 0, fail: 0, skip: 0 };
        counts[runtime][verdict]++;
        if (verdict === 'fail') report.push(`==== ${runtime}: ${file} ${name}\n${said}\n`);
      }
      const isWorse = verdicts['crun'] === 'pass' && verdicts['proa'] && verdicts['proa'] !== 'pass';
      if (isWorse) (left.has(name) ? leftNow : worse).push(`${name} (${file}): ${verdicts['proa']}`);
      if (isWorse || new Set(Object.values(verdicts)).size > 1) {
        const each = runtimes.map((runtime) => `${runtime} ${verdicts[runtime]}`).join(', ');
        console.log(`${name}: ${each}${isWorse && left.has(name) ? ` (left out: ${left.get(name)})` : ''}`);
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (process.env.SUITE_REPORT) writeFileSync(process.env.SUITE_REPORT, report.join('\n'));
  console.log(`\n${'runtime'.padEnd(10)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'skipped'.padStart(9)}`);
  for (const [runtime, { pass, fail, skip }] of Object.entries(counts))
    console.log(
      `${runtime.padEnd(10)}${String(pass).padStart(8)}${String(fail).padStart(8)}${String(skip).padStart(9)}`,
    );
  console.log(`\nleft out and not passed: ${leftNow.length}; passed by crun and not by ours: ${worse.length}`);
  for (const line of worse) console.log(`  ${line}`);
  process.exitCode = worse.length > 0 ? 1 : 0;
}

await main();
