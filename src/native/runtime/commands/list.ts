import { describe, ProaError } from '#common/errors.ts';
import { parseOptions } from '#native/options.ts';
import { ENOENT, ENOTDIR } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { statusOf } from '#sys/file-status.ts';
import { openDirectory, readTextIfAny, writeAll } from '#sys/files.ts';
import type { Context } from '../context.ts';
import { listIds, readRecord } from '../state/store.ts';
import { formatOption, formatTable } from './format.ts';
import { type ContainerState, describeContainer } from './state.ts';

export const usage = 'list [options]';
export const options = {
  format: { kind: 'value', short: 'f', help: 'table or json (default: table)' },
  quiet: { kind: 'flag', short: 'q', help: 'ids only' },
} as const;

export function run(context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  if (parsed.rest.length > 0) throw new ProaError('expected no arguments', { kind: 'invalid' });
  const format = formatOption(parsed);
  const containers = parsed.flags.has('quiet') ? [] : allContainers(context);
  if (parsed.flags.has('quiet'))
    writeAll(
      1,
      allIds(context.root)
        .map((id) => `${id}\n`)
        .join(''),
    );
  else writeAll(1, format === 'json' ? `${JSON.stringify(containers)}\n` : formatTable(rowsOf(containers)));
  return 0;
}

function allIds(root: string): string[] {
  return listIds(root).filter((id) => ownerOf(`${root}/${id}`) !== undefined);
}

function allContainers(context: Context): ContainerState[] {
  const users = new Map<number, string>();
  const containers: ContainerState[] = [];
  for (const id of listIds(context.root)) {
    const uid = ownerOf(`${context.root}/${id}`);
    if (uid === undefined) continue;
    const owner = users.get(uid) ?? userName(uid);
    users.set(uid, owner);
    try {
      containers.push({ ...describeContainer(context.root, id, readRecord(context.root, id)), owner });
    } catch (error) {
      // Deleted meanwhile.
      if (!(error instanceof ProaError) || error.kind !== 'not-found')
        context.warn(`container "${id}": ${describe(error)}`);
    }
  }
  return containers;
}

/** The user whose directory it is; undefined when it is none, or gone. */
function ownerOf(path: string): number | undefined {
  try {
    using directory = openDirectory(path);
    return statusOf(directory.number).uid;
  } catch (error) {
    if (isErrno(error, ENOENT, ENOTDIR)) return undefined;
    throw error;
  }
}

/** passwd(5); the number with a sign before it where the file does not know it. */
function userName(uid: number): string {
  for (const line of (readTextIfAny('/etc/passwd') ?? '').split('\n')) {
    const [name = '', , id] = line.split(':');
    if (id === String(uid)) return name;
  }
  return `#${uid}`;
}

function rowsOf(containers: readonly ContainerState[]): string[][] {
  const heading = ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'];
  const rows = containers.map(({ id, pid, status, bundle, created, owner }) => [
    id,
    String(pid ?? 0),
    status,
    bundle,
    created,
    owner,
  ]);
  return [heading, ...rows];
}
