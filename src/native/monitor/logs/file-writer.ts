import { utf8 } from '#sys/bytes.ts';
import { SystemError } from '#sys/errors.ts';
import { Framer } from '#sys/framing.ts';
import { Clock } from '#sys/time.ts';
import { criFormat, type Format, jsonFileFormat, type TimedDressing } from './format.ts';
import { LogFile } from './log-file.ts';
import type { LogSettings, LogStream, LogWriter } from './types.ts';
import { UnfinishedLine } from './unfinished.ts';

/** What Docker and containerd part lines into. */
const PIECE = 16384;
/**
 * Room for records: little for a container that says little; the most holds a piece all of whose bytes are escaped. Just
 * below powers of two, which is how large the host's blocks are.
 */
const LEAST_ROOM = 4080;
const MOST_ROOM = 131_056;

/** Where the point stands in a time, and what it is. */
const TO_POINT = '2026-01-02T03:04:05'.length;
const POINT = 0x2e;

/** What could not be written since the last record that could. */
interface Gap {
  bytes: number;
  since: string;
  errno: number;
}

/** Some bytes to be framed, and the part of the output that is free. */
interface Job {
  from: number;
  to: number;
  at: number;
  room: number;
  flush: boolean;
}

/** Writes a container's output to a file, in either format. */
export class FileWriter implements LogWriter {
  readonly #format: Format;
  readonly #framer: Framer;
  readonly #file: LogFile;
  readonly #clock = new Clock();
  /** Made anew every second; between, only the fraction of the second changes. */
  readonly #dressings: Record<LogStream, { second: number; dressing: TimedDressing | undefined }> = {
    stdout: { second: -1, dressing: undefined },
    stderr: { second: -1, dressing: undefined },
  };
  readonly #unfinished = { stdout: new UnfinishedLine(PIECE + 1), stderr: new UnfinishedLine(PIECE + 1) };
  #output = new Uint8Array(LEAST_ROOM);
  #gap: Gap | undefined;
  #droppedBytes = 0;

  constructor(settings: LogSettings) {
    this.#format = settings.format === 'cri' ? criFormat : jsonFileFormat;
    this.#framer = new Framer({ pieceBytes: PIECE, escaped: this.#format.escaped });
    this.#file = new LogFile(settings);
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  write(stream: LogStream, bytes: Uint8Array, length: number): void {
    const dressing = this.#begin(stream);
    const unfinished = this.#unfinished[stream];
    let from = 0;
    if (length === 0) this.#flush(unfinished, dressing);
    while (unfinished.length > 0 && from < length) {
      from += unfinished.fill(bytes, from, length);
      const done = this.#records(unfinished.bytes, 0, unfinished.length, dressing, false);
      if (done > 0) unfinished.drop(done);
    }
    if (unfinished.length > 0) return;
    from = this.#records(bytes, from, length, dressing, false);
    if (from < length) unfinished.fill(bytes, from, length);
  }

  end(stream: LogStream): void {
    this.#flush(this.#unfinished[stream], this.#begin(stream));
  }

  reopen(): void {
    this.#file.reopen();
  }

  [Symbol.dispose](): void {
    this.end('stdout');
    this.end('stderr');
    this.#file[Symbol.dispose]();
  }

  /** What all records of this call are dressed in: it bears their time. */
  #begin(stream: LogStream): TimedDressing {
    const clock = this.#clock;
    clock.read();
    this.#file.inspect(clock.second);
    const kept = this.#dressings[stream];
    if (kept.dressing === undefined || kept.second !== clock.second) {
      kept.dressing = this.#format.dress(clock.text(), stream);
      kept.second = clock.second;
    } else {
      const { bytes, times } = kept.dressing;
      const fraction = clock.fraction();
      fraction[0] = POINT;
      bytes.set(fraction, times[0] + TO_POINT);
      bytes.set(fraction, times[1] + TO_POINT);
    }
    this.#framer.dress(kept.dressing);
    return kept.dressing;
  }

  #flush(unfinished: UnfinishedLine, dressing: TimedDressing): void {
    if (unfinished.length > 0) this.#records(unfinished.bytes, 0, unfinished.length, dressing, true);
    unfinished.length = 0;
  }

  /** Writes, or drops, all records that begin in these bytes: where the unfinished rest begins. */
  #records(bytes: Uint8Array, begin: number, to: number, dressing: TimedDressing, flush: boolean): number {
    const framer = this.#framer;
    for (let from = begin; from < to; ) {
      const at = this.#gap ? this.#putMarker(this.#gap, dressing) : 0;
      const room = Math.max(at, Math.min(this.#file.room, this.#output.length));
      const job = { from, to, at, room, flush };
      framer.frame(bytes, this.#output, dressing.bytes, job);
      const { consumed, full } = framer;
      if (consumed > 0) this.#store(bytes, job, dressing);
      from += consumed;
      if (!full) return from;
      if (room === this.#output.length && room < MOST_ROOM)
        this.#output = new Uint8Array(Math.min(room * 8, MOST_ROOM));
      else if (consumed === 0) this.#file.rotate();
    }
    return to;
  }

  /** Writes what was framed; what the file does not take becomes part of the gap. */
  #store(bytes: Uint8Array, job: Job, dressing: TimedDressing): void {
    const framer = this.#framer;
    const { consumed, produced } = framer;
    const written = this.#file.append(this.#output, produced);
    if (written === produced) {
      this.#gap = undefined;
      return;
    }
    // Once more, with the room that the file had: where its last whole record ends. A marker alone is none.
    framer.frame(bytes, this.#output, dressing.bytes, { ...job, room: Math.max(written, job.at) });
    const kept = framer.consumed > 0 ? framer.produced : 0;
    if (written > kept) this.#file.cut(written - kept);
    if (kept > 0) this.#gap = undefined;
    const dropped = consumed - framer.consumed;
    this.#droppedBytes += dropped;
    this.#gap ??= { bytes: 0, since: this.#clock.text(), errno: this.#file.errno };
    this.#gap.bytes += dropped;
  }

  /** Says at the beginning of the output what the log lacks; where that record ends. */
  #putMarker({ bytes, since, errno }: Gap, dressing: TimedDressing): number {
    const why = new SystemError('write', errno).message;
    const text = utf8(`proa: ${bytes} bytes of output could not be written since ${since}: ${why}`);
    const { wholeBefore, wholeAfter } = dressing;
    this.#output.set(dressing.bytes.subarray(0, wholeBefore));
    this.#output.set(text, wholeBefore);
    this.#output.set(dressing.bytes.subarray(wholeBefore, wholeBefore + wholeAfter), wholeBefore + text.length);
    return wholeBefore + text.length + wholeAfter;
  }
}
