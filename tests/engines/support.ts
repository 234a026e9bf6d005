// Runs other people's engines with our runtime, in the root of tools/peers.mjs: in a network and a pid namespace of their
// own, so that nothing outlives a test. $ENGINE_RUNTIME names another runtime to compare with, such as runc.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPeers, repositoryInside } from '../../tools/peers.mjs';

const chosen = process.env['ENGINE_RUNTIME'] ?? 'proa';
/** The runtime under test, as a path or a name among the peers. */
export const runtimePath = chosen === 'proa' ? `${repositoryInside}/dist/proa-runtime` : chosen;

/** What engines run as the first process for --init. */
export const initPath = chosen === 'proa' ? `${repositoryInside}/dist/proa` : '/usr/bin/tini-static';

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string;
  seconds?: number;
  env?: Record<string, string>;
}

export type Site = Awaited<ReturnType<typeof openSite>>;

const applets =
  `cat chmod dd df echo env false find grep head hostname id ls mkdir mount nproc ps pwd readlink rm sh sleep
  stat stty sync tail test top touch tr true tty umount uname wc ip`.split(/\s+/);

/** A place to run one engine in: a directory that is the same inside and outside, daemons, and an end that clears all. */
export async function openSite(name: string, { network = true } = {}) {
  const peers = await openPeers({ network });
  const work = mkdtempSync(`/tmp/proa-${name}-`);
  const cgroup = `proa-${name}-${process.pid}`;
  const daemons: ChildProcess[] = [];

  function run(line: readonly string[], { input = '', seconds = 60, env = {} }: RunOptions = {}): Outcome {
    const [program, words] = peers.command(line);
    const options = { input, encoding: 'utf8', timeout: seconds * 1000, killSignal: 'SIGKILL' } as const;
    const done = spawnSync(program, words, { ...options, env: peers.environment(env) });
    const late = done.error ? `\n${line.join(' ')}: ${done.error.message}` : '';
    return { status: done.status, stdout: done.stdout, stderr: done.stderr + late };
  }

  /** Starts a program whose streams the test has. */
  function start(line: readonly string[]) {
    const [program, words] = peers.command(line);
    return spawn(program, words, { stdio: 'pipe', env: peers.environment() });
  }

  /** Starts a daemon and waits until `ready` succeeds; its words are in WORK/NAME.log. */
  async function daemon(line: readonly string[], ready: readonly string[]): Promise<void> {
    const log = join(work, `${line[0]}.log`);
    const output = openSync(log, 'a');
    const [program, words] = peers.command(line);
    const child = spawn(program, words, { stdio: ['ignore', output, output], env: peers.environment() });
    closeSync(output);
    daemons.push(child);
    for (let tries = 0; tries < 300; tries++) {
      if (child.exitCode !== null) break;
      if (run(ready).status === 0) return;
      await sleep(200);
    }
    throw new Error(`${line[0]} does not come up:\n${readFileSync(log, 'utf8').split('\n').slice(-20).join('\n')}`);
  }

  async function end(): Promise<void> {
    await peers.end();
    for (const directory of cgroupDirectories(cgroup)) removeCgroup(directory);
    rmSync(work, { recursive: true, force: true });
  }

  const log = (program: string) => readFileSync(join(work, `${program}.log`), 'utf8');
  return { work, cgroup, run, start, daemon, end, log };
}

/** A root filesystem of busybox at `directory`. */
export async function makeRootfs(directory: string): Promise<void> {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'var'])
    mkdirSync(join(directory, name), { recursive: true });
  await cp('/bin/busybox', join(directory, 'bin/busybox'), { dereference: true });
  for (const name of applets) symlinkSync('busybox', join(directory, 'bin', name));
  const { writeFileSync } = await import('node:fs');
  writeFileSync(join(directory, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nsomeone:x:1000:1000::/tmp:/bin/sh\n');
  writeFileSync(join(directory, 'etc/group'), 'root:x:0:\nsomeone:x:1000:\n');
  writeFileSync(join(directory, 'etc/no-program'), 'not a program\n');
}

/** Where cgroups of that name are, on every hierarchy of the machine. */
export function cgroupDirectories(name: string): string[] {
  const top = '/sys/fs/cgroup';
  if (existsSync(join(top, 'cgroup.controllers'))) return [join(top, name)].filter((path) => existsSync(path));
  return readdirSync(top)
    .map((hierarchy) => join(top, hierarchy, name))
    .filter((path) => existsSync(path));
}

/** Every cgroup below those of that name. */
export function cgroupsBelow(name: string): string[] {
  return cgroupDirectories(name).flatMap((directory) =>
    readdirSync(directory, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
  );
}

function removeCgroup(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(join(directory, entry.name));
  try {
    rmdirSync(directory);
  } catch {
    // Its last process may still be on its way out.
    spawnSync('sleep', ['0.3']);
    try {
      rmdirSync(directory);
    } catch (error) {
      console.error(`cannot remove ${directory}: ${error}`);
    }
  }
}

/** The value of a cgroup file for a process that is known by its pid among the peers. */
export function cgroupFile(site: Site, pid: string, v1: [controller: string, file: string], v2: string): string {
  const lines = site.run(['cat', `/proc/${pid}/cgroup`]).stdout.split('\n');
  for (const line of lines) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const directory = controllers === '' ? '' : v1[0];
    if (controllers.split(',').includes(v1[0])) return read(`/sys/fs/cgroup/${directory}${path}/${v1[1]}`);
  }
  const path = /^0::(.*)$/m.exec(lines.join('\n'))?.[1] ?? '';
  return read(`/sys/fs/cgroup${path}/${v2}`);
}

/** The line of /proc/PID/status that a process with every capability of this machine has. */
export function fullCapabilities(site: Site): RegExp {
  const all = /CapBnd:\s*(\S+)/.exec(site.run(['cat', '/proc/self/status']).stdout)?.[1];
  return new RegExp(`CapEff:\\s*${all}`);
}

function read(path: string): string {
  return readFileSync(path, 'utf8').trim();
}
