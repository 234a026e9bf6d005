import { describe, remedyOf } from '#common/errors.ts';
import { openFile, writeAll } from '#sys/files.ts';
import { O_APPEND, O_CREAT, O_WRONLY } from '#sys/raw/file.ts';
import { timestamp } from '#sys/time.ts';

export interface LogOptions {
  file?: string | undefined;
  /** `text` (logfmt) or `json`, in the fields that callers of runc parse. */
  format?: string | undefined;
}

type Level = 'debug' | 'warning' | 'error';

/** One line of the log: `{"level":…,"msg":…,"time":…}` or the same as logfmt. */
export function writeLog({ file, format }: LogOptions, level: Level, text: string): void {
  const time = `${timestamp().slice(0, 19)}Z`;
  const line =
    format === 'json'
      ? JSON.stringify({ level, msg: text, time })
      : `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(text)}`;
  if (file === undefined) {
    writeAll(2, `${line}\n`);
    return;
  }
  using log = openFile(file, { flags: O_WRONLY | O_APPEND | O_CREAT, mode: 0o600 });
  writeAll(log.number, `${line}\n`, file);
}

/** Tells a failure to the log and to the person: what, why, and what to try. */
export function reportFailure(options: LogOptions, error: unknown): void {
  const text = describe(error);
  const where =
    error instanceof Error && !(error instanceof TypeError || error instanceof RangeError)
      ? ''
      : ` ${String((error as Error).stack ?? '')
          .split('\n')[0]
          ?.trim()}`;
  // Who wants it to be parsed reads it from there.
  if (options.file === undefined && options.format === 'json') {
    writeLog(options, 'error', `${text}${where}`);
    return;
  }
  if (options.file !== undefined) {
    try {
      writeLog(options, 'error', text);
    } catch (second) {
      writeAll(2, `proa-runtime: cannot write the log: ${describe(second)}\n`);
    }
  }
  const remedy = remedyOf(error);
  writeAll(2, `proa-runtime: ${text}${where}\n${remedy ? `  try  ${remedy}\n` : ''}`);
}
