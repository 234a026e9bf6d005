import { ProaError } from '#common/errors.ts';
import type { AttachOptions } from '#common/protocol/monitor.ts';
import { after } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { Output } from '#loop/output.ts';
import { EAGAIN, EIO } from '#sys/errno.ts';
import { uninterrupted } from '#sys/errors.ts';
import { type OwnedFd, pipe, setNonblocking } from '#sys/fd.ts';
import { openFile } from '#sys/files.ts';
import { O_RDWR, read } from '#sys/raw/file.ts';
import { setWindowSize, type WindowSize } from '#sys/terminals.ts';
import { Client, type StreamName } from './client.ts';

/** Where output goes beside the clients. */
export interface Sink {
  write(stream: StreamName, bytes: Uint8Array, length: number): void;
  end(stream: StreamName): void;
}

export interface StreamOptions {
  /** `none`: the null device; `once`: closed when the first client's input has ended; `open`: stays open. */
  stdin: 'none' | 'once' | 'open';
  sink: Sink;
}

/** Input that may wait for the program before its senders have to wait. */
const INPUT_LIMIT = 1 << 16;
/** After the end of a process, how long its streams may stay open in the hands of others. */
const LINGER_MILLISECONDS = 200;
/** Buffers that are read after that, from those who go on writing. */
const LAST_BUFFERS = 64;
/** A terminal that no program has open for now: how often it is looked at. */
const TERMINAL_MILLISECONDS = 100;

/** Whoever said that it would attach may be gone. */
const ATTACH_MILLISECONDS = 5000;

let buffer: Uint8Array | undefined;

/** One for all: what is read is passed on at once. Made late, since a program may never say anything. */
function readBuffer(): Uint8Array {
  // A little less than a pipe holds: with its page's head it fills 64 KB.
  buffer ??= new Uint8Array(65520);
  return buffer;
}

export function dropReadBuffer(): void {
  buffer = undefined;
}

interface Source {
  name: StreamName;
  fd: OwnedFd;
  watch: Disposable;
}

/** The standard streams of a program, its terminal where it has one, and everybody who is attached to them. */
export class Streams implements Disposable {
  readonly #loop: Loop;
  readonly #options: StreamOptions;
  readonly #clients = new Set<Client>();
  /** The program waits for these. */
  readonly #slow = new Set<Client>();
  readonly #sources = new Set<Source>();
  #input: { fd: OwnedFd; output: Output } | undefined;
  #terminal: OwnedFd | undefined;
  #size: WindowSize | undefined;
  #attached = 0;
  #whenAttached: (() => void) | undefined;
  /** Called when the last source has ended. */
  #whenDry: (() => void) | undefined;
  #finishing = false;
  #finished = false;
  /** Resolves when the last clients have what was for them. */
  #farewell: Promise<unknown> = Promise.resolve();
  /** The program's ends; empty once they were given away. */
  #given: OwnedFd[] = [];

  constructor(loop: Loop, options: StreamOptions) {
    this.#loop = loop;
    this.#options = options;
    if (options.stdin === 'none') this.#given.push(openNull());
    else {
      const [theirs, ours] = pipe();
      this.#given.push(theirs);
      this.#acceptInput(ours);
    }
    for (const name of ['stdout', 'stderr'] as const) {
      const [ours, theirs] = pipe();
      this.#given.push(theirs);
      this.#addSource(name, ours);
    }
  }

  /** The program's ends, in order. */
  get given(): readonly OwnedFd[] {
    return this.#given;
  }

  /** The program has its ends: an end of file is seen only when nobody else holds them. */
  closeGiven(): void {
    for (const fd of this.#given) fd.close();
    this.#given = [];
  }

  /** In a helper: takes the terminal's master side from `console`, with the size that is wanted before it is used. */
  receiveTerminal(console: { receive(): OwnedFd }): OwnedFd {
    const master = console.receive();
    if (this.#size) setWindowSize(master, this.#size);
    return master;
  }

  /** The master side of the program's terminal, which has taken the place of the pipes. */
  takeTerminal(master: OwnedFd): void {
    this.#dropInput();
    for (const source of [...this.#sources]) this.#dropSource(source);
    this.#terminal = master;
    if (this.#size) setWindowSize(master, this.#size);
    this.#addSource('stdout', master);
    if (this.#options.stdin !== 'none') this.#acceptInput(master);
  }

  /** Before the program runs, the size is kept for its terminal. */
  resize(size: WindowSize): void {
    this.#size = size;
    if (this.#terminal) setWindowSize(this.#terminal, size);
    else if (this.#given.length === 0) throw new ProaError('the program has no terminal', { kind: 'conflict' });
  }

  /** `early`: input that came with the request. The connection is ours from now on. */
  attach(connection: OwnedFd, options: AttachOptions, early: Uint8Array): void {
    const client = new Client(this.#loop, connection, options, {
      input: (bytes) => this.#take(bytes),
      inputEnded: () => {
        if (options.stdin && this.#options.stdin === 'once') this.#closeInput();
      },
      gone: (gone) => this.#forget(gone),
    });
    if (this.#finished) {
      client.finish();
      return;
    }
    this.#clients.add(client);
    this.#attached++;
    this.#whenAttached?.();
    if (options.stdin && early.length > 0) this.#take(early);
  }

  /** Resolves when so many have attached, or will not do so any more. */
  async whenAttached(count: number): Promise<void> {
    if (this.#attached >= count) return;
    await new Promise<void>((resolve) => {
      const patience = after(this.#loop, ATTACH_MILLISECONDS, resolve);
      this.#whenAttached = () => {
        if (this.#attached < count) return;
        patience[Symbol.dispose]();
        resolve();
      };
    });
    this.#whenAttached = undefined;
  }

  #acceptInput(fd: OwnedFd): void {
    setNonblocking(fd);
    // The limit is kept by those who send: see #take.
    const output = new Output(this.#loop, fd, {
      limit: Number.POSITIVE_INFINITY,
      broken: () => {
        this.#dropInput();
        this.#resumeClients();
      },
    });
    this.#input = { fd, output };
  }

  #take(bytes: Uint8Array): void {
    const output = this.#input?.output;
    if (!output) return;
    output.write(bytes);
    if (output.waitingBytes < INPUT_LIMIT) return;
    for (const client of this.#clients) client.pauseInput();
    output.whenEmpty(() => this.#resumeClients());
  }

  #resumeClients(): void {
    for (const client of this.#clients) client.resumeInput();
  }

  #closeInput(): void {
    this.#input?.output.whenEmpty(() => this.#dropInput());
  }

  #dropInput(): void {
    this.#input?.output[Symbol.dispose]();
    // A terminal is one descriptor for both directions.
    if (this.#input && this.#input.fd !== this.#terminal) this.#input.fd.close();
    this.#input = undefined;
  }

  #addSource(name: StreamName, fd: OwnedFd): void {
    setNonblocking(fd);
    const source: Source = { name, fd, watch: { [Symbol.dispose]() {} } };
    this.#listen(source);
    this.#sources.add(source);
  }

  #listen(source: Source): void {
    source.watch = this.#loop.watch(source.fd.number, 'readable', () => this.#pump(source));
  }

  /** Nobody has the terminal open, but while the program lives somebody may open it again. */
  #waitForTerminal(source: Source): void {
    source.watch[Symbol.dispose]();
    source.watch = after(this.#loop, TERMINAL_MILLISECONDS, () => this.#listen(source));
  }

  /** Passes on what a source has now, at most one buffer; whether there may be more. */
  #pump(source: Source): boolean {
    const bytes = readBuffer();
    const count = uninterrupted(() => read(source.fd.number, bytes, bytes.length));
    if (count === -EAGAIN) return false;
    if (count === -EIO && source.fd === this.#terminal && !this.#finishing) {
      this.#waitForTerminal(source);
      return false;
    }
    if (count <= 0) {
      this.#endSource(source);
      return false;
    }
    this.#options.sink.write(source.name, bytes, count);
    if (this.#clients.size > 0) {
      const piece = bytes.subarray(0, count);
      const tagged = source.fd !== this.#terminal;
      for (const client of this.#clients) {
        client.send(source.name, piece, { tagged });
        if (client.isBehind && !this.#slow.has(client)) this.#waitFor(client);
      }
    }
    return true;
  }

  /** Nothing is read of the program until the client has what it was sent, or has gone. */
  #waitFor(client: Client): void {
    this.#slow.add(client);
    for (const { watch } of this.#sources) watch[Symbol.dispose]();
    client.whenSent(() => {
      this.#slow.delete(client);
      if (this.#slow.size > 0) return;
      for (const source of this.#sources) {
        source.watch[Symbol.dispose]();
        this.#listen(source);
      }
    });
  }

  #dropSource(source: Source): void {
    source.watch[Symbol.dispose]();
    if (source.fd === this.#terminal) {
      this.#dropInput();
      this.#terminal = undefined;
    }
    source.fd.close();
    this.#sources.delete(source);
  }

  #endSource(source: Source): void {
    this.#dropSource(source);
    this.#options.sink.end(source.name);
    if (this.#sources.size === 0) this.#whenDry?.();
  }

  #forget(client: Client): void {
    this.#clients.delete(client);
    client[Symbol.dispose]();
  }

  /** Resolves when all output has come: the process has ended, but others may hold its streams open for a while yet. */
  async finish(): Promise<void> {
    this.#finishing = true;
    for (const source of [...this.#sources]) if (source.fd === this.#terminal) this.#drain(source);
    if (this.#sources.size > 0) {
      await new Promise<void>((resolve) => {
        const linger = after(this.#loop, LINGER_MILLISECONDS, resolve);
        this.#whenDry = () => {
          linger[Symbol.dispose]();
          resolve();
        };
      });
      this.#whenDry = undefined;
      for (const source of [...this.#sources]) {
        this.#drain(source);
        if (this.#sources.has(source)) this.#endSource(source);
      }
    }
    this.#dropInput();
    this.#finished = true;
    this.#farewell = Promise.all([...this.#clients].map((client) => client.finish()));
    this.#clients.clear();
  }

  #drain(source: Source): void {
    for (let count = 0; count < LAST_BUFFERS && this.#pump(source); count++);
  }

  /** After `finish`: resolves when nobody waits for output any more. */
  get farewell(): Promise<unknown> {
    return this.#farewell;
  }

  [Symbol.dispose](): void {
    this.closeGiven();
    this.#dropInput();
    for (const { fd, watch } of this.#sources) {
      watch[Symbol.dispose]();
      fd.close();
    }
    this.#sources.clear();
    for (const client of this.#clients) client[Symbol.dispose]();
    this.#clients.clear();
  }
}

function openNull(): OwnedFd {
  return openFile('/dev/null', { flags: O_RDWR });
}
