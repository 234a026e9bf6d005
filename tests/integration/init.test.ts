// proa-init as the first process of real containers, from the binary bound into them read-only.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dockerSeccomp } from '#common/docker-seccomp/index.ts';
import {
  container,
  makeBundle,
  newId,
  runtime,
  runtimePath,
  runtimeRoot,
  type TestConfig,
} from './support/container.ts';

const binary = resolve('dist/proa');
const outside = resolve('dist/proa-init');
const init = '/sbin/proa-init';

/** Binds the binary, and a directory that both sides write to at /out. */
function bind(config: TestConfig, output?: string): void {
  const options = ['bind', 'ro', 'nosuid', 'nodev'];
  config.mounts = [...(config.mounts ?? []), { destination: init, type: 'bind', source: binary, options }];
  if (output) config.mounts.push({ destination: '/out', type: 'bind', source: output, options: ['bind', 'rw'] });
}

/** Runs a container to its end. */
function run(args: string[], change: (config: TestConfig) => void = () => {}) {
  using bundle = makeBundle({
    args: [init, ...args],
    config(config) {
      bind(config);
      change(config);
    },
  });
  return runtime('run', '--bundle', bundle.path, newId('init'));
}

class Output implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'proa-init-'));

  text(name: string): string {
    const file = join(this.path, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  async until(name: string, holds: (text: string) => boolean): Promise<void> {
    for (let tries = 0; tries < 500; tries++) {
      if (holds(this.text(name))) return;
      await sleep(20);
    }
    throw new Error(`${name} holds "${this.text(name)}"`);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Starts a container and gives its id and what becomes of it. */
function start(args: string[], output: Output) {
  const bundle = makeBundle({ args: [init, ...args], config: (config) => bind(config, output.path) });
  const id = newId('init');
  const words = ['--root', runtimeRoot, 'run', '--bundle', bundle.path, id];
  const child = spawn(runtimePath, words, { stdio: ['ignore', 'inherit', 'inherit'] });
  const status = new Promise<number | null>((done) => child.once('exit', done));
  return {
    id,
    async end() {
      const answer = await status;
      bundle[Symbol.dispose]();
      return answer;
    },
  };
}

test('proa-init leaves with the status of its program, or 128 and its signal', () => {
  assert.equal(run(['true']).status, 0);
  assert.equal(run(['--', 'sh', '-c', 'exit 5']).status, 5);
  assert.equal(run(['sh', '-c', 'kill -TERM $$']).status, 143);
  assert.equal(run(['-e', '143', '-e', '3', 'sh', '-c', 'kill -TERM $$']).status, 0);
});

test('proa-init leaves with 127 or 126 when there is no such program, or none that can be executed', () => {
  const none = run(['no-such-program']);
  assert.equal(none.status, 127);
  assert.match(none.stderr, /proa-init: cannot execute "no-such-program": execve\(2\): ENOENT/);
  assert.equal(run(['/etc/none/program']).status, 127);
  assert.equal(run(['/etc']).status, 126);
  assert.equal(run(['/proc/version']).status, 126);
});

test('proa-init starts where there is no /proc, which is the way to its own file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'proa-init-'));
  try {
    copyFileSync(binary, join(directory, 'docker-init'));
    const { status, stdout, stderr } = spawnSync('chroot', [directory, '/docker-init', '--version'], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^proa-init version/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('proa-init tells what is wrong with its options', () => {
  const said = (...args: string[]) => run(args);
  assert.match(said('-e', '256', 'true').stderr, /option -e: expected a status from 0 to 255, got "256"/);
  assert.match(said('-p', 'FOO', 'true').stderr, /option -p: .*"FOO"/);
  assert.match(said('-x', 'true').stderr, /unknown option "-x"/);
  assert.equal(said('-sg').status, 1);
  assert.match(said('--version').stdout, /^proa-init version/);
});

test('proa-init is process 1, its program leads a process group, and both see the binary read-only', () => {
  const { stdout } = run(['sh', '-c', 'cat /proc/1/comm; echo $$; cut -d" " -f5 /proc/$$/stat']);
  assert.deepEqual(stdout.trim().split('\n'), ['proa-init', '2', '2']);
  assert.match(run(['chmod', '700', init]).stderr, /Read-only file system/);
});

const zombies = 'grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l';

test('10,000 orphans leave no zombie', () => {
  const loop = 'i=0; while [ $i -lt 10000 ]; do (true &); i=$((i+1)); done';
  const { stdout, status } = run(['sh', '-c', `${loop}; sleep 0.2; ${zombies}`]);
  assert.equal(status, 0);
  assert.equal(stdout.trim(), '0');
});

test('without it orphans stay zombies, so that the test above means something', () => {
  using bare = container({ prefix: 'init', args: ['sleep', '100'] });
  const { stdout } = runtime('exec', bare.id, 'sh', '-c', `(true &); (true &); sleep 0.2; ${zombies}`);
  assert.equal(stdout.trim(), '2');
});

test('every signal that may be passed on reaches the program', async () => {
  using output = new Output();
  // What the kernel keeps or proa-init does (SIGCHLD, SIGTTIN, SIGTTOU, faults), and two that a C library keeps.
  const kept = [9, 19, 17, 21, 22, 4, 5, 6, 7, 8, 11, 31, 32, 33];
  const numbers = Array.from({ length: 64 }, (_, index) => index + 1);
  const passed = numbers.filter((number) => !kept.includes(number));
  const traps = passed.map((number) => `trap "echo ${number} >> /out/heard" ${number}`).join('; ');
  const made = start(['sh', '-c', `${traps}; echo > /out/ready; while [ ! -e /out/end ]; do sleep 0.02; done`], output);
  await output.until('ready', (text) => text !== '');
  for (const number of passed) {
    assert.equal(runtime('kill', made.id, String(number)).status, 0);
    await output.until('heard', (text) => text.split('\n').includes(String(number)));
  }
  execFileSync('touch', [join(output.path, 'end')]);
  assert.equal(await made.end(), 0);
});

test('-g sends signals to the whole group of the program, without it to the program alone', async () => {
  for (const group of [true, false]) {
    using output = new Output();
    const inner = '(trap "echo heard > /out/inner" TERM; while [ ! -e /out/inner ]; do sleep 0.02; done) &';
    const outer = `${inner} trap "sleep 0.3; exit 3" TERM; echo > /out/ready; while :; do sleep 0.02; done`;
    const made = start([...(group ? ['-g'] : []), 'sh', '-c', outer], output);
    await output.until('ready', (text) => text !== '');
    runtime('kill', made.id, 'TERM');
    assert.equal(await made.end(), 3);
    assert.equal(output.text('inner'), group ? 'heard\n' : '');
  }
});

test('a signal that would end a process without init does end the container with it', async () => {
  using output = new Output();
  const made = start(['sh', '-c', 'echo > /out/ready; exec sleep 100'], output);
  await output.until('ready', (text) => text !== '');
  runtime('kill', made.id, 'TERM');
  assert.equal(await made.end(), 143);
});

test("proa-init starts under Docker's seccomp profile, which refuses clone3", () => {
  const kernel = { major: 6, minor: 0 };
  const { status, stderr } = run(['sh', '-c', 'exit 4'], ({ linux, process }) => {
    const capabilities = process.capabilities?.bounding ?? [];
    linux.seccomp = dockerSeccomp({
      capabilities,
      architecture: arch() === 'x64' ? 'x86-64' : 'aarch64',
      kernel,
    }) as never;
  });
  assert.equal(status, 4, stderr);
});

test('proa-init starts within 6 MB of memory', () => {
  const { status, stderr } = run(['sh', '-c', 'exit 4'], ({ linux }) => {
    linux.resources = { ...linux.resources, memory: { limit: 6 << 20 } };
  });
  assert.equal(status, 4, stderr);
});

test('the program has the terminal, and reads from it', () => {
  using bundle = makeBundle({
    args: [
      init,
      '--',
      'sh',
      '-c',
      'read line; echo "<$line>"; [ $(cut -d" " -f8 /proc/$$/stat) = $$ ] && echo foreground',
    ],
    config(config) {
      bind(config);
      config.process.terminal = true;
    },
  });
  const command = `${runtimePath} --root ${runtimeRoot} run --bundle ${bundle.path} ${newId('init')}`;
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { input: 'typed\n', encoding: 'utf8' });
  assert.match(stdout, /<typed>\r?\nforeground/);
});

test('-s takes orphans outside a pid namespace, and -w tells of them', () => {
  const script = '(sleep 0.05 &); sleep 0.3';
  const { stderr, status } = spawnSync(outside, ['-s', '-w', 'sh', '-c', script], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stderr, /^proa-init: took away process \d+\n$/);
  assert.match(spawnSync(outside, ['true'], { encoding: 'utf8' }).stderr, /not process 1 and no subreaper/);
});

test('-p brings a signal when the parent ends', async () => {
  using output = new Output();
  const file = join(output.path, 'heard');
  const program = `trap "echo heard > ${file}; exit" TERM; echo > ${file}; while :; do sleep 0.02; done`;
  const shell = `${outside} -s -p SIGTERM -- sh -c '${program}' & while [ ! -e ${file} ]; do sleep 0.02; done`;
  spawnSync('sh', ['-c', shell], { stdio: 'ignore' });
  await output.until('heard', (text) => text === 'heard\n');
});

test('words, environment and dispositions reach the program as they were given', () => {
  const script = `trap '' HUP; X=$(printf 'a\\377b') exec ${outside} -s -- sh -c 'printf "%s %s" "$X" "$1"; grep SigIgn /proc/self/status' 0 "$(printf '\\376')"`;
  const { stdout } = spawnSync('bash', ['-c', script]);
  const [words, ignored] = stdout.toString('latin1').split('SigIgn:\t');
  assert.equal(words, 'a\xffb \xfe');
  assert.equal(Number.parseInt(ignored ?? '', 16) & 1, 1);
});
