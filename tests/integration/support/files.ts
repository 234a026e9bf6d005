import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FilesMount, FilesRoot, FilesVerb } from '#common/protocol/files.ts';
import { directory, type Scratch, shell } from './unpack.ts';

export const program = resolve('dist/proa-files');

/** Runs proa-files to its end; output is bytes. */
export function files(
  verb: FilesVerb,
  request: unknown,
  input: Uint8Array = new Uint8Array(0),
): SpawnSyncReturns<Buffer> {
  return spawnSync(program, [verb, JSON.stringify(request)], { input, timeout: 60_000, maxBuffer: 1 << 28 });
}

/** What it answers when it succeeds. */
export function answer(verb: FilesVerb, request: unknown, input?: Uint8Array): unknown {
  return JSON.parse(String(succeeded(files(verb, request, input))));
}

export function succeeded({ status, stdout, stderr }: SpawnSyncReturns<Buffer>): Buffer {
  if (status !== 0) throw new Error(`proa-files: ${status} ${stderr}`);
  return stdout;
}

/** What it complains of when it fails. */
export function failure(verb: FilesVerb, request: unknown, input?: Uint8Array): { message: string; kind: string } {
  const { status, stdout, stderr } = files(verb, request, input);
  if (status !== 1) throw new Error(`proa-files: expected a failure, got ${status} ${stdout.subarray(0, 200)}`);
  return JSON.parse(String(stderr));
}

export interface Stopped extends Scratch {
  root: Extract<FilesRoot, { overlay: unknown }>;
  /** Runs a command where the overlay is mounted. */
  merged(command: string): string;
}

/** The layers of a container that does not run, in `lower`, `upper` and `work`, filled by a command that runs beside them. */
export function stopped(fill: string, mounts: FilesMount[] = []): Stopped {
  const scratch = directory();
  const { path } = scratch;
  shell(`mkdir lower upper work merged && ${fill}`, path);
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => join(path, name)) as [string, string, string];
  const placed = mounts.map((mount) => ({ ...mount, source: join(path, mount.source) }));
  return {
    ...scratch,
    root: { overlay: { lower: [lower], upper, work }, mounts: placed },
    merged(command) {
      shell('mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged', path);
      try {
        return shell(command, path);
      } finally {
        shell('umount merged', path);
      }
    },
  };
}

/** A process as the root of a request. */
export function running(pid: number): { pid: number; startTime: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return { pid, startTime: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) };
}

/** The host's mounts. */
export function mountTable(): string {
  return readFileSync('/proc/self/mountinfo', 'utf8');
}
