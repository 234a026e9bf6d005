// Bundles made of busybox, and the runtime under test. Each bundle has a state root of its own.
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Linux, Mount, RunnableConfig } from '#common/runtime-spec/types.ts';

export const runtimePath = resolve(process.env['PROA_RUNTIME'] ?? 'dist/proa-runtime');

const applets = [
  'sh',
  'cat',
  'chmod',
  'dd',
  'echo',
  'env',
  'false',
  'id',
  'ls',
  'mkdir',
  'mknod',
  'mount',
  'ps',
  'pwd',
  'readlink',
  'sleep',
  'stat',
  'touch',
  'true',
  'umount',
  'uname',
  'wc',
];
const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path)) ?? '/bin/busybox';

export interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A configuration that has all its sections. */
export type TestConfig = RunnableConfig & { linux: Linux; mounts: Mount[] };

export interface BundleOptions {
  args?: string[];
  /** Changes the default configuration before it is written. */
  config?: (config: TestConfig) => void;
}

let count = 0;

export class Bundle implements Disposable {
  readonly path: string;
  readonly root: string;
  /** An id that no other test has. */
  readonly id: string;

  constructor({ args = ['/bin/true'], config: change }: BundleOptions = {}) {
    this.path = mkdtempSync(join(tmpdir(), 'proa-test-'));
    this.root = join(this.path, 'state');
    this.id = `proa-test-${process.pid}-${count++}`;
    for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp'])
      mkdirSync(join(this.rootfs, name), { recursive: true });
    copyFileSync(busybox, join(this.rootfs, 'bin/busybox'));
    for (const name of applets) symlinkSync('busybox', join(this.rootfs, 'bin', name));
    const config = defaultConfig(args);
    change?.(config);
    this.write(config);
  }

  get rootfs(): string {
    return join(this.path, 'rootfs');
  }

  /** Puts another configuration in place; bigints become integers. */
  write(config: unknown): void {
    const text = JSON.stringify(config, (_, value) => (typeof value === 'bigint' ? `«${value}»` : value)).replace(
      /"«(\d+)»"/g,
      '$1',
    );
    writeFileSync(join(this.path, 'config.json'), text);
  }

  /** Runs a verb to its end; standard input is empty. */
  runtime(...args: string[]): Result {
    const run = spawnSync(runtimePath, ['--root', this.root, ...args], {
      cwd: this.path,
      encoding: 'utf8',
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { status: run.status, stdout: run.stdout, stderr: run.stderr };
  }

  run(...options: string[]): Result {
    return this.runtime('run', ...options, this.id);
  }

  /** Starts a container that goes on; its streams lead nowhere, or we would wait for their end. */
  start(...options: string[]): Result {
    return this.#quietly('run', '--detach', ...options, this.id);
  }

  /** Makes a container that waits for its start. */
  create(...options: string[]): Result {
    return this.#quietly('create', ...options, this.id);
  }

  #quietly(...args: string[]): Result {
    const run = spawnSync(runtimePath, ['--root', this.root, ...args], {
      cwd: this.path,
      encoding: 'utf8',
      timeout: 20_000,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    return { status: run.status, stdout: '', stderr: '' };
  }

  exec(...words: string[]): Result {
    return this.runtime('exec', this.id, ...words);
  }

  state(): { status: string; pid: number } {
    return JSON.parse(this.runtime('state', this.id).stdout);
  }

  /** What the container left in the kernel: cgroups and records. */
  leftovers(): string[] {
    const found: string[] = [];
    for (const controller of readdirSync('/sys/fs/cgroup')) {
      const path = join('/sys/fs/cgroup', controller, this.id);
      if (existsSync(path)) found.push(path);
    }
    // Compiled filters are kept for the next container.
    for (const name of existsSync(this.root) ? readdirSync(this.root) : [])
      if (name !== 'seccomp:filters') found.push(join(this.root, name));
    if (readFileSync('/proc/self/mountinfo', 'utf8').includes(this.path)) found.push(`a mount below ${this.path}`);
    return found;
  }

  [Symbol.dispose](): void {
    for (const id of existsSync(this.root) ? readdirSync(this.root) : [])
      if (id !== 'seccomp:filters') this.runtime('delete', '--force', id);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What `runc spec` writes, with other arguments. */
export function defaultConfig(args: string[]): TestConfig {
  const capabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];
  const hidden = ['nosuid', 'noexec', 'nodev'];
  return {
    ociVersion: '1.3.0',
    process: {
      user: { uid: 0, gid: 0 },
      args,
      env: ['PATH=/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'proa',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      {
        destination: '/dev',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
      },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
      },
      { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...hidden, 'mode=1777', 'size=65536k'] },
      { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: hidden },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...hidden, 'ro'] },
      { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...hidden, 'relatime', 'ro'] },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: [
        { type: 'pid' },
        { type: 'network' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'cgroup' },
      ],
      maskedPaths: [
        '/proc/acpi',
        '/proc/asound',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/sys/firmware',
        '/proc/scsi',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

/** Starts the runtime and does not wait. */
export function spawnRuntime(bundle: Bundle, args: string[]) {
  return spawn(runtimePath, ['--root', bundle.root, ...args], { cwd: bundle.path, stdio: ['ignore', 'pipe', 'pipe'] });
}
