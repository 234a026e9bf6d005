import { joinBytes, utf8 } from '#sys/bytes.ts';
import { SystemError } from '#sys/errors.ts';
import { Clock } from '#sys/time.ts';
import { criFormat, type Format, jsonFileFormat } from './format.ts';
import { Framer, type Framing, PIECE } from './framer.ts';
import { LogFile } from './log-file.ts';
import type { LogSettings, LogStream, LogWriter } from './types.ts';
import { UnfinishedLine } from './unfinished.ts';

/** What could not be written since the last record that could. */
interface Gap {
  bytes: number;
  since: string;
  errno: number;
}

/** Writes a container's output to a file, in either format. */
export class FileWriter implements LogWriter {
  readonly #format: Format;
  readonly #framer: Framer;
  readonly #file: LogFile;
  readonly #clock = new Clock();
  readonly #unfinished = { stdout: new UnfinishedLine(PIECE + 1), stderr: new UnfinishedLine(PIECE + 1) };
  #gap: Gap | undefined;
  #droppedBytes = 0;

  constructor(settings: LogSettings) {
    this.#format = settings.format === 'cri' ? criFormat : jsonFileFormat;
    this.#framer = new Framer(this.#format);
    this.#file = new LogFile(settings);
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  write(stream: LogStream, bytes: Uint8Array, length: number): void {
    const time = this.#begin();
    const unfinished = this.#unfinished[stream];
    let from = 0;
    if (length === 0) this.#flush(stream, time);
    while (unfinished.length > 0 && from < length) {
      from += unfinished.fill(bytes, from, length);
      const done = this.#records(unfinished.bytes, { from: 0, to: unfinished.length, flush: false, time, stream });
      if (done > 0) unfinished.drop(done);
    }
    if (unfinished.length > 0) return;
    from = this.#records(bytes, { from, to: length, flush: false, time, stream });
    if (from < length) unfinished.fill(bytes, from, length);
  }

  end(stream: LogStream): void {
    this.#flush(stream, this.#begin());
  }

  reopen(): void {
    this.#file.reopen();
  }

  [Symbol.dispose](): void {
    this.end('stdout');
    this.end('stderr');
    this.#file[Symbol.dispose]();
  }

  /** The time that all records of this call bear. */
  #begin(): string {
    this.#clock.read();
    this.#file.inspect(this.#clock.second);
    return this.#clock.text();
  }

  #flush(stream: LogStream, time: string): void {
    const unfinished = this.#unfinished[stream];
    if (unfinished.length > 0)
      this.#records(unfinished.bytes, { from: 0, to: unfinished.length, flush: true, time, stream });
    unfinished.length = 0;
  }

  /** Writes, or drops, all records that begin in these bytes: where the unfinished rest begins. */
  #records(bytes: Uint8Array, given: Omit<Framing, 'room'>): number {
    const framer = this.#framer;
    let from = given.from;
    while (from < given.to) {
      const marker = this.#gap ? this.#marker(this.#gap, given) : NOTHING;
      const framing = { ...given, from, room: Math.max(0, this.#file.room - marker.length) };
      const records = framer.frame(bytes, framing);
      const { consumed, full } = framer;
      if (consumed > 0) this.#store(bytes, framing, marker, records);
      else if (full) this.#file.rotate();
      else break;
      from += consumed;
    }
    return from;
  }

  /** Writes what was framed; what the file does not take becomes part of the gap. */
  #store(bytes: Uint8Array, framing: Framing, marker: Uint8Array, records: Uint8Array): void {
    const framer = this.#framer;
    const { consumed } = framer;
    const all = marker.length > 0 ? joinBytes(marker, records) : records;
    const written = this.#file.append(all, all.length);
    if (written === all.length) {
      this.#gap = undefined;
      return;
    }
    // Once more, with the room that the file had: where its last whole record ends. A marker alone is none.
    const fitting = framer.frame(bytes, {
      ...framing,
      to: framing.from + consumed,
      room: Math.max(0, written - marker.length),
    });
    const kept = framer.consumed > 0 ? marker.length + fitting.length : 0;
    if (written > kept) this.#file.cut(written - kept);
    if (kept > 0) this.#gap = undefined;
    const dropped = consumed - framer.consumed;
    this.#droppedBytes += dropped;
    this.#gap ??= { bytes: 0, since: framing.time, errno: this.#file.errno };
    this.#gap.bytes += dropped;
  }

  /** The record that says what the log lacks. */
  #marker({ bytes, since, errno }: Gap, { time, stream }: { time: string; stream: LogStream }): Uint8Array {
    const why = new SystemError('write', errno).message;
    const text = `proa: ${bytes} bytes of output could not be written since ${since}: ${why}`;
    return this.#format.record(utf8(text), { whole: true, time, stream });
  }
}

const NOTHING = new Uint8Array(0);
