import { watch } from 'node:fs';
import { type FileHandle, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { linesFrom, type OpenLog, openIfAny, openLogFiles, tailOf } from './files.ts';
import { type LogRecord, parseRecord, recordTime } from './record.ts';

export interface LogSelection {
  stdout: boolean;
  stderr: boolean;
  /** Nanoseconds since 1970. */
  since?: bigint | undefined;
  until?: bigint | undefined;
  /** The last so many lines of those that there are now; all when absent. */
  tail?: number | undefined;
}

export interface FollowOptions {
  /** Whether more may come. */
  isLive(): boolean;
  /** Resolves when nothing more comes. */
  ended: Promise<unknown>;
  signal: AbortSignal;
}

/** Records of a log in Docker's json-file format, over all its files; with `follow` also those that come. */
export async function* readLog(
  path: string,
  selection: LogSelection,
  follow?: FollowOptions,
): AsyncGenerator<LogRecord> {
  const files = await openLogFiles(path);
  const last = files.at(-1);
  try {
    const { since, until } = selection;
    const fits = (record: LogRecord) =>
      selection[record.stream] && (since === undefined || recordTime(record) >= since) && !isAfter(record, until);
    const begin = await beginning(files, selection);
    let position = 0;
    for (const [at, open] of files.entries()) {
      if (at < begin.file) continue;
      const lines = linesFrom(open, at === begin.file ? begin.position : 0);
      position = yield* selected(lines, fits, at === begin.file ? begin.skip : 0);
    }
    if (!follow) return;
    yield* followLog(path, { current: last, position }, fits, follow, until);
  } finally {
    for (const { file } of files) await file.close();
  }
}

function isAfter(record: LogRecord, until: bigint | undefined): boolean {
  return until !== undefined && recordTime(record) > until;
}

async function* selected(
  lines: AsyncGenerator<string, number, undefined>,
  fits: (record: LogRecord) => boolean,
  skip = 0,
): AsyncGenerator<LogRecord, number, undefined> {
  for (let count = 0; ; count++) {
    const { value, done } = await lines.next();
    if (done) return value as number;
    const record = count < skip ? undefined : parseRecord(value as string);
    if (record && fits(record)) yield record;
  }
}

/** The file in which the wanted lines begin, where in it, and how many lines of it to pass over. */
async function beginning(
  files: readonly OpenLog[],
  { tail }: LogSelection,
): Promise<{ file: number; position: number; skip: number }> {
  if (tail === undefined) return { file: 0, position: 0, skip: 0 };
  let wanted = tail;
  for (let at = files.length - 1; at >= 0; at--) {
    const open = files[at] as OpenLog;
    const { position, lines } = open.compressed
      ? { position: 0, lines: await countLines(open) }
      : await tailOf(open.file, wanted);
    if (lines >= wanted) return { file: at, position, skip: open.compressed ? lines - wanted : 0 };
    wanted -= lines;
  }
  return { file: 0, position: 0, skip: 0 };
}

async function countLines(open: OpenLog): Promise<number> {
  let lines = 0;
  for await (const _line of linesFrom(open)) lines++;
  return lines;
}

/** A file system may not tell of changes: then it is looked at so often. */
const LOOK_MILLISECONDS = 500;

async function* followLog(
  path: string,
  begin: { current: OpenLog | undefined; position: number },
  fits: (record: LogRecord) => boolean,
  { isLive, ended, signal }: FollowOptions,
  until: bigint | undefined,
): AsyncGenerator<LogRecord> {
  let { position } = begin;
  let file: FileHandle | undefined = begin.current?.file;
  const own: FileHandle[] = [];
  using changes = new Changes(dirname(path), signal, ended);
  try {
    for (;;) {
      // Asked before reading: what was written until then is read.
      const more = isLive() && !signal.aborted;
      if (file) position = yield* selected(linesFrom({ file, compressed: false }, position), fits);
      const next: FileHandle | undefined = (await isCurrent(file, path)) ? undefined : await openIfAny(path);
      if (next) {
        // What came between the last look and the change of names is still in the old one.
        if (file) yield* selected(linesFrom({ file, compressed: false }, position), fits);
        own.push(next);
        file = next;
        position = 0;
        continue;
      }
      if (!more || (until !== undefined && BigInt(Date.now()) * 1_000_000n > until)) return;
      await changes.next();
    }
  } finally {
    for (const one of own) await one.close();
  }
}

async function isCurrent(file: FileHandle | undefined, path: string): Promise<boolean> {
  if (!file) return false;
  try {
    const [held, named] = [await file.stat(), await stat(path)];
    // Emptied by somebody: it begins anew.
    return held.ino === named.ino && held.dev === named.dev;
  } catch {
    // It has no name now; a new one comes.
    return true;
  }
}

/** Something in a directory has changed, or a while has passed. */
class Changes implements Disposable {
  readonly #watcher;
  #changed = false;
  #wake: () => void = () => {};

  constructor(directory: string, signal: AbortSignal, ended: Promise<unknown>) {
    const changed = () => {
      this.#changed = true;
      this.#wake();
    };
    this.#watcher = watch(directory, changed);
    // Without watches there is still the timer.
    this.#watcher.on('error', () => {});
    signal.addEventListener('abort', changed, { once: true });
    ended.then(changed, changed);
  }

  async next(): Promise<void> {
    if (!this.#changed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MILLISECONDS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#changed = false;
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
  }
}
