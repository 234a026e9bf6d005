import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RunnableConfig } from '#common/runtime-spec/types.ts';

/** The runtime under test. */
export const runtimePath = resolve(process.env['PROA_RUNTIME'] ?? 'dist/proa-runtime');
/** Where its containers are recorded: a directory of this test process. */
export const runtimeRoot = mkdtempSync('/run/proa-test-');
const work = mkdtempSync(join(tmpdir(), 'proa-test-'));

process.on('exit', () => {
  rmSync(runtimeRoot, { recursive: true, force: true });
  rmSync(work, { recursive: true, force: true });
});

export interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** For standard input; nothing by default. */
  input?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** Runs the runtime, and waits for it but not for containers that it leaves behind. */
export function runtime(...args: string[]): Result {
  return runtimeWith({}, ...args);
}

export function runtimeWith({ input, cwd, env }: RunOptions, ...args: string[]): Result {
  // Files, since a container that goes on running would hold pipes open.
  const directory = mkdtempSync(join(work, 'output-'));
  const file = (name: string) => join(directory, name);
  if (input !== undefined) writeFileSync(file('stdin'), input);
  const fds = [openSync(input === undefined ? '/dev/null' : file('stdin'), 'r')];
  for (const name of ['stdout', 'stderr']) fds.push(openSync(file(name), 'w'));
  try {
    const options = { stdio: fds, cwd, env: env ?? process.env };
    const { status, error } = spawnSync(runtimePath, ['--root', runtimeRoot, ...args], options);
    if (error) throw error;
    return { status, stdout: readFileSync(file('stdout'), 'utf8'), stderr: readFileSync(file('stderr'), 'utf8') };
  } finally {
    for (const fd of fds) closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}

export interface BundleOptions {
  /** Default: a sleep of 100 s. */
  args?: string[];
  /** Changes the configuration that `spec` writes, with no terminal. */
  config?(config: TestConfig): void;
}

/** The parts that `spec` writes, as there. */
export type TestConfig = RunnableConfig & { linux: NonNullable<RunnableConfig['linux']> };

export interface Bundle extends Disposable {
  path: string;
  config: TestConfig;
}

/** A bundle of busybox, removed when it is disposed. All share one root filesystem, which is read-only. */
export function makeBundle({ args = ['sleep', '100'], config: change }: BundleOptions = {}): Bundle {
  const path = mkdtempSync(join(work, 'bundle-'));
  const file = join(path, 'config.json');
  const { status, stderr } = runtime('spec', '--bundle', path);
  if (status !== 0) throw new Error(`spec failed: ${stderr}`);
  const config = JSON.parse(readFileSync(file, 'utf8')) as TestConfig;
  config.root.path = rootfs();
  config.process.args = args;
  config.process.terminal = false;
  change?.(config);
  writeFileSync(file, JSON.stringify(config));
  return { path, config, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

let root: string | undefined;

export function rootfs(): string {
  if (root !== undefined) return root;
  root = join(work, 'rootfs');
  for (const name of ['bin', 'dev', 'proc', 'sys', 'etc', 'tmp', 'run'])
    mkdirSync(join(root, name), { recursive: true });
  const busybox = process.env['BUSYBOX'] ?? '/bin/busybox';
  execFileSync('cp', ['--dereference', busybox, join(root, 'bin/busybox')]);
  for (const name of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n')) {
    if (name !== '' && name !== 'busybox') symlinkSync('busybox', join(root, 'bin', name));
  }
  return root;
}

let last = 0;

/** An id that no other test process has. */
export function newId(prefix = 'test'): string {
  last++;
  return `${prefix}-${process.pid}-${last}`;
}

export interface Container extends Disposable {
  id: string;
  bundle: Bundle;
  pid: number;
}

/** A container that runs; deleted when it is disposed. */
export function container({ prefix, ...options }: BundleOptions & { prefix?: string } = {}): Container {
  const bundle = makeBundle(options);
  const id = newId(prefix);
  const remove = () => {
    runtime('delete', '--force', id);
    bundle[Symbol.dispose]();
  };
  const { status, stderr } = runtime('run', '--detach', '--bundle', bundle.path, id);
  if (status !== 0) {
    remove();
    throw new Error(`run failed: ${stderr}`);
  }
  const { pid } = JSON.parse(runtime('state', id).stdout) as { pid: number };
  return { id, bundle, pid, [Symbol.dispose]: remove };
}
