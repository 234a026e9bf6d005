import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { decimalSize } from '#common/units/sizes.ts';
import type { Body } from '#native/http/body.ts';
import { writeAll } from '#sys/files.ts';
import { windowSize } from '#sys/terminals.ts';
import type { Session } from '../session.ts';
import { LineReader } from '../streams/lines.ts';

/** What engines report while they pull, push, load and import. Docker Engine API, "Create an image". */
export interface ProgressMessage {
  id?: string;
  status?: string;
  stream?: string;
  progressDetail?: { current?: number; total?: number; units?: string; hidecounts?: boolean };
  error?: string;
  errorDetail?: { message?: string };
  aux?: unknown;
}

export interface ProgressOptions {
  quiet: boolean;
  to: 'stdout' | 'stderr';
  onMessage?(message: ProgressMessage): void;
}

/** Shows messages as they come, a line for each layer that is rewritten on a terminal. Throws the error that one of them holds. */
export async function followProgress(
  _session: Session,
  body: Body,
  { quiet, to, onMessage }: ProgressOptions,
): Promise<void> {
  const display = new Display(to === 'stdout' ? 1 : 2);
  const reader = new LineReader(() => body.read());
  for (let line = await reader.next(); line !== undefined; line = await reader.next()) {
    if (line.trim() === '') continue;
    const message = parseJson(line) as ProgressMessage;
    if (message.error !== undefined || message.errorDetail)
      throw new ProaError(message.errorDetail?.message ?? message.error ?? 'unknown error', { kind: 'internal' });
    onMessage?.(message);
    if (!quiet) display.show(message);
  }
}

const UP = (lines: number) => `\x1b[${lines}A`;
const DOWN = (lines: number) => `\x1b[${lines}B`;
const CLEAR_LINE = '\x1b[2K\r';

class Display {
  readonly #fd: number;
  readonly #columns: number;
  /** The line of each layer, counted from the first. */
  readonly #lines = new Map<string, number>();

  constructor(fd: number) {
    this.#fd = fd;
    this.#columns = windowSize(fd)?.columns ?? 0;
  }

  show(message: ProgressMessage): void {
    const text = this.#textOf(message);
    if (text === undefined) return;
    if (this.#columns === 0 || message.id === undefined || message.progressDetail === undefined) {
      // A line by itself ends the block of those that change.
      if (this.#columns > 0) this.#lines.clear();
      writeAll(this.#fd, message.stream ?? `${text}\n`);
      return;
    }
    let line = this.#lines.get(message.id);
    let output = '';
    if (line === undefined) {
      line = this.#lines.size;
      this.#lines.set(message.id, line);
      output = '\n';
    }
    const distance = this.#lines.size - line;
    writeAll(this.#fd, `${output}${UP(distance)}${CLEAR_LINE}${text}\r${DOWN(distance)}`);
  }

  /** Undefined for steps that only a terminal shows. */
  #textOf({ id, status = '', stream, progressDetail = {} }: ProgressMessage): string | undefined {
    if (stream !== undefined) return stream;
    const prefix = id === undefined || id === '' ? '' : `${id}: `;
    const { current = 0 } = progressDetail;
    if (this.#columns === 0) return current > 0 ? undefined : prefix + status;
    return `${prefix}${status}${current > 0 ? ` ${bar(progressDetail, this.#columns)}` : ''}`;
  }
}

function bar(
  { current = 0, total = 0, units, hidecounts }: NonNullable<ProgressMessage['progressDetail']>,
  columns: number,
): string {
  const count = (value: number) => (units === undefined || units === '' ? decimalSize(value, 4) : `${value} ${units}`);
  if (total <= 0) return count(current);
  const half = Math.min(50, Math.trunc((current / total) * 50));
  const picture = columns > 110 ? `[${'='.repeat(half)}>${' '.repeat(50 - half)}]  ` : '';
  if (hidecounts) return picture;
  return picture + (current > total ? count(current) : `${count(current)}/${count(total)}`);
}
