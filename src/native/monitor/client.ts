import type { AttachOptions } from '#common/protocol/monitor.ts';
import { after } from '#loop/events.ts';
import type { Loop, Watch } from '#loop/loop.ts';
import { Output } from '#loop/output.ts';
import { EAGAIN } from '#sys/errno.ts';
import { uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { read } from '#sys/raw/file.ts';
import { SHUT_WR, shutdown } from '#sys/raw/wait.ts';

/** Bytes of output that may wait for a client; a slower one is dropped, so that it cannot slow the container. */
const CLIENT_LIMIT = 4 << 20;
/** As many may wait for a patient one before the program has to. */
const PATIENT_LIMIT = 1 << 18;
const INPUT_CHUNK = 16384;
/** For what still waits when the program has ended: 4 MB take longer only to who does not read. */
const FAREWELL_MILLISECONDS = 10_000;

export type StreamName = 'stdout' | 'stderr';

export interface ClientEvents {
  input(bytes: Uint8Array): void;
  /** It will send nothing more. */
  inputEnded(): void;
  gone(client: Client): void;
}

/** Somebody attached to a program's streams. */
export class Client implements Disposable {
  readonly options: AttachOptions;
  readonly #loop: Loop;
  readonly #fd: OwnedFd;
  readonly #events: ClientEvents;
  readonly #output: Output;
  #reading: Watch | undefined;
  #leaving: Watch | undefined;

  constructor(loop: Loop, fd: OwnedFd, options: AttachOptions, events: ClientEvents) {
    this.#loop = loop;
    this.#fd = fd;
    this.options = options;
    this.#events = events;
    // Of a patient one the limit is kept by Streams.
    const limit = options.patient ? Number.POSITIVE_INFINITY : CLIENT_LIMIT;
    this.#output = new Output(loop, fd, { limit, broken: () => events.gone(this) });
    this.resumeInput();
  }

  /**
   * `tagged`: with eight bytes before the piece, so that it can be passed on as it is; a terminal's output is not. Docker
   * Engine API, "Stream format".
   */
  send(stream: StreamName, bytes: Uint8Array, { tagged }: { tagged: boolean }): void {
    if (!this.options[stream]) return;
    if (tagged) {
      const header = new Uint8Array(8);
      header[0] = stream === 'stdout' ? 1 : 2;
      new DataView(header.buffer).setUint32(4, bytes.length);
      this.#output.write(header);
    }
    this.#output.write(bytes);
  }

  /** The program has to wait for it. */
  get isBehind(): boolean {
    return this.options.patient === true && this.#output.waitingBytes > PATIENT_LIMIT;
  }

  /** Calls back when it has what waited for it, or has gone. */
  whenSent(done: () => void): void {
    this.#output.whenEmpty(done);
  }

  pauseInput(): void {
    this.#reading?.[Symbol.dispose]();
    this.#reading = undefined;
  }

  resumeInput(): void {
    if (this.#leaving) return;
    this.#reading ??= this.#loop.watch(this.#fd.number, 'readable', () => this.#receive());
  }

  #receive(): void {
    const buffer = new Uint8Array(INPUT_CHUNK);
    const count = uninterrupted(() => read(this.#fd.number, buffer, buffer.length));
    if (count === -EAGAIN) return;
    if (count > 0) {
      if (this.options.stdin) this.#events.input(buffer.subarray(0, count));
      return;
    }
    this.pauseInput();
    if (count < 0) {
      this.#events.gone(this);
      return;
    }
    // It may still want to hear. A program that says nothing would not show us that nobody does.
    this.#leaving = this.#loop.watch(this.#fd.number, 'gone', () => this.#events.gone(this));
    this.#events.inputEnded();
  }

  /** Sends what waits, and closes: resolves when it has. Who does not read is given up, unless patient. */
  finish(): Promise<void> {
    this.pauseInput();
    return new Promise((resolve) => {
      let sent = false;
      const limit = this.options.patient
        ? undefined
        : after(this.#loop, FAREWELL_MILLISECONDS, () => this[Symbol.dispose]());
      this.#output.whenEmpty(() => {
        if (sent) return;
        sent = true;
        limit?.[Symbol.dispose]();
        shutdown(this.#fd.number, SHUT_WR);
        this[Symbol.dispose]();
        resolve();
      });
    });
  }

  [Symbol.dispose](): void {
    this.pauseInput();
    this.#leaving?.[Symbol.dispose]();
    this.#output[Symbol.dispose]();
    this.#fd.close();
  }
}
