import { ProaError } from '#common/errors.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import { type Parsed, parseOptions } from '#native/options.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { writeAll } from '#sys/files.ts';
import { openProcess } from '#sys/processes.ts';
import { EPOLLIN, EPOLLPRI, pollfd, ppoll } from '#sys/raw/wait.ts';
import { monotonicMicroseconds, timespec } from '#sys/time.ts';
import { type OomWatch, watchOom } from '../cgroups/oom-watch.ts';
import { readStats } from '../cgroups/stats.ts';
import type { Context } from '../context.ts';
import { statusOf } from '../state/status.ts';
import { type ContainerRecord, readRecord } from '../state/store.ts';
import { onlyArgument } from './create.ts';
import { millisecondsFromDuration } from './duration.ts';

export const usage = 'events [options] CONTAINER';
export const options = {
  interval: { kind: 'value', help: 'time between two statistics, such as 500ms (default: 5s)' },
  stats: { kind: 'flag', help: 'print the statistics once' },
} as const;

export function run(context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  const id = onlyArgument(parsed, 'container ID');
  const interval = intervalOf(parsed);
  const record = readRecord(context.root, id);
  const notRunning = () => new ProaError(`container with id ${id} is not running`, { kind: 'conflict' });
  if (record?.pid === undefined) throw notRunning();
  using process = openProcess(record.pid);
  // Asked with the handle in hand, so that it is no handle on a later process with that number.
  if (!process || ['stopped', 'creating'].includes(statusOf(context.root, record))) throw notRunning();
  if (parsed.flags.has('stats')) printStats(record);
  else {
    using oom = watchOom(record.cgroup);
    if (!oom) context.warn('there is no memory controller: events of memory that ran out are not shown');
    follow(record, process, oom, interval);
  }
  return 0;
}

function intervalOf({ values }: Parsed): number {
  const text = values['interval'] ?? '5s';
  const milliseconds = millisecondsFromDuration(text);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds * 1000;
  throw new ProaError(`option --interval: expected a duration above 0 such as 5s, got "${text}"`, { kind: 'invalid' });
}

/** Prints what happens until the container's process ends. `interval` is in microseconds. */
function follow(record: ContainerRecord, process: OwnedFd, oom: OomWatch | undefined, interval: number): void {
  const fds = new Uint8Array(pollfd.size * 2);
  let next = monotonicMicroseconds() + interval;
  for (;;) {
    fds.set(pollfd.pack({ fd: process.number, events: EPOLLIN }));
    const oomEvents = oom?.event === 'urgent' ? EPOLLPRI : EPOLLIN;
    fds.set(pollfd.pack({ fd: oom?.fd.number ?? -1, events: oomEvents }), pollfd.size);
    const left = Math.max(0, next - monotonicMicroseconds());
    const time = timespec.pack({ sec: Math.floor(left / 1e6), nsec: Math.floor(left % 1e6) * 1000 });
    check(
      uninterrupted(() => ppoll(fds, 2, time)),
      'ppoll',
      'container',
    );
    if (pollfd.get(fds, 'revents', pollfd.size) !== 0 && oom?.take()) print(record.id, 'oom');
    if (pollfd.get(fds, 'revents') !== 0) return;
    if (monotonicMicroseconds() < next) continue;
    printStats(record);
    next += interval;
  }
}

function printStats(record: ContainerRecord): void {
  print(record.id, 'stats', readStats(record.cgroup));
}

/** One line of JSON for each event. */
function print(id: string, type: string, data?: unknown): void {
  writeAll(1, `${stringifyJson({ type, id, data })}\n`);
}
