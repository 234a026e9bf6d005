import { joinBytes, utf8 } from '#sys/bytes.ts';
import { SystemError } from '#sys/errors.ts';
import { Clock } from '#sys/time.ts';
import { CriFormat, JsonFileFormat } from './format.ts';
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

const NOTHING = new Uint8Array(0);

/** Writes a container's output to a file, in either format. */
export class FileWriter implements LogWriter {
  readonly #framer: Framer;
  readonly #file: LogFile;
  readonly #clock = new Clock();
  readonly #unfinished = { stdout: new UnfinishedLine(PIECE + 1), stderr: new UnfinishedLine(PIECE + 1) };
  #gap: Gap | undefined;
  #droppedBytes = 0;

  constructor(settings: LogSettings) {
    this.#framer = new Framer(settings.format === 'cri' ? new CriFormat() : new JsonFileFormat());
    this.#file = new LogFile(settings);
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  write(stream: LogStream, bytes: Uint8Array, length: number): void {
    this.#begin(stream);
    const unfinished = this.#unfinished[stream];
    let from = 0;
    if (length === 0) this.#flush(unfinished);
    while (unfinished.length > 0 && from < length) {
      from += unfinished.fill(bytes, from, length);
      const done = this.#records(unfinished.bytes, { from: 0, to: unfinished.length, flush: false });
      if (done > 0) unfinished.drop(done);
    }
    if (unfinished.length > 0) return;
    from = this.#records(bytes, { from, to: length, flush: false });
    if (from < length) unfinished.fill(bytes, from, length);
  }

  end(stream: LogStream): void {
    this.#begin(stream);
    this.#flush(this.#unfinished[stream]);
  }

  reopen(): void {
    this.#file.reopen();
  }

  [Symbol.dispose](): void {
    this.end('stdout');
    this.end('stderr');
    this.#file[Symbol.dispose]();
  }

  /** All records of a call bear the same time. */
  #begin(stream: LogStream): void {
    this.#clock.read();
    this.#file.inspect(this.#clock.second);
    this.#framer.mark(this.#clock.text(), stream);
  }

  #flush(unfinished: UnfinishedLine): void {
    if (unfinished.length > 0) this.#records(unfinished.bytes, { from: 0, to: unfinished.length, flush: true });
    unfinished.length = 0;
  }

  /** Writes, or drops, all records that begin in these bytes: where the unfinished rest begins. */
  #records(bytes: Uint8Array, given: Omit<Framing, 'room'>): number {
    const framer = this.#framer;
    let from = given.from;
    while (from < given.to) {
      const marker = this.#gap ? this.#marker(this.#gap) : NOTHING;
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
    const written = this.#file.append(all);
    if (written === all.length) {
      this.#gap = undefined;
      return;
    }
    // Once more, with the room that the file had: where its last whole record ends. A marker alone is none.
    const room = Math.max(0, written - marker.length);
    const fitting = framer.frame(bytes, { ...framing, to: framing.from + consumed, room });
    const kept = framer.consumed > 0 ? marker.length + fitting.length : 0;
    if (written > kept) this.#file.cut(written - kept);
    if (kept > 0) this.#gap = undefined;
    const dropped = consumed - framer.consumed;
    this.#droppedBytes += dropped;
    this.#gap ??= { bytes: 0, since: this.#clock.text(), errno: this.#file.errno };
    this.#gap.bytes += dropped;
  }

  /** The record that says what the log lacks. */
  #marker({ bytes, since, errno }: Gap): Uint8Array {
    const why = new SystemError('write', errno).message;
    const text = `proa: ${bytes} bytes of output could not be written since ${since}: ${why}`;
    return this.#framer.record(utf8(text), true);
  }
}
