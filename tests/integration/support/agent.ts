import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type ContainerRequest,
  type ContainerState,
  type ExitRecord,
  PROTOCOL_VERSION,
} from '#common/protocol/container.ts';
import { type FailureMessage, RemoteFailure } from '#common/protocol/failure.ts';
import { FrameReader, frameOf } from '#common/protocol/frames.ts';
import type { Requests } from '#common/protocol/monitor.ts';
import { type Bundle, type BundleOptions, makeBundle, newId, rootfs, type TestConfig } from './container.ts';

/** The agent under test. */
export const agentPath = resolve(process.env['PROA_AGENT'] ?? 'dist/proa-agent');

export type Message = Record<string, unknown>;

/** A connection to an agent or a monitor: questions are numbered, notices are kept. */
export class Client {
  readonly socket: Socket;
  readonly notices: Message[] = [];
  readonly #frames = new FrameReader();
  readonly #answers = new Map<number | null, { resolve(value: unknown): void; reject(error: Error): void }>();
  #count = 0;
  #raw: ((bytes: Buffer) => void) | undefined;
  #stream: { number: number; hear(bytes: Buffer): void } | undefined;
  readonly closed: Promise<void>;

  constructor(path: string, hello: Message = { hello: PROTOCOL_VERSION }) {
    this.socket = connect({ path, allowHalfOpen: true });
    this.closed = new Promise((done) => this.socket.on('close', () => done()));
    this.socket.on('error', () => {});
    this.socket.on('end', () => this.socket.end());
    this.socket.on('data', (bytes) => this.#receive(bytes));
    this.socket.on('close', () => {
      for (const { reject } of this.#answers.values()) reject(new Error('the connection was closed'));
    });
    this.send(hello);
  }

  send(message: unknown): void {
    this.socket.write(frameOf(new TextEncoder().encode(JSON.stringify(message))));
  }

  ask(ask: string, fields: Message = {}): Promise<unknown> {
    const number = ++this.#count;
    this.send({ number, ask, ...fields });
    return this.answerTo(number);
  }

  answerTo(number: number | null): Promise<unknown> {
    return new Promise((resolve, reject) => this.#answers.set(number, { resolve, reject }));
  }

  /** Asks for a stream: from its answer on, the connection carries bytes, which `hear` gets. */
  attach(ask: string, fields: Message, hear: (bytes: Buffer) => void): Promise<unknown> {
    this.#stream = { number: this.#count + 1, hear };
    return this.ask(ask, fields);
  }

  #receive(bytes: Buffer): void {
    if (this.#raw) {
      this.#raw(bytes);
      return;
    }
    this.#frames.push(bytes);
    for (let body = this.#frames.next(); body; body = this.#frames.next()) {
      const message = JSON.parse(Buffer.from(body).toString()) as Message;
      const number = message['number'] as number | null;
      // What cannot be understood is answered without a number.
      const waiting = this.#answers.get(number ?? this.#count);
      if ('failure' in message && waiting) waiting.reject(new RemoteFailure(message['failure'] as FailureMessage));
      else if ('answer' in message) waiting?.resolve(message['answer']);
      else this.notices.push(message);
      this.#answers.delete(number);
      if (!this.#stream || this.#stream.number !== number) continue;
      this.#raw = this.#stream.hear;
      const early = Buffer.from(this.#frames.rest());
      if (early.length > 0) this.#raw(early);
      return;
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

export interface ContainerOptions extends BundleOptions {
  request?: Partial<ContainerRequest>;
  /** Further fields of the question. */
  question?: Message;
}

/** An agent of its own, with its directories; all of its containers end with it. */
export class Agent implements Disposable {
  readonly run = mkdtempSync('/run/proa-test-agent-');
  readonly state = mkdtempSync(join(tmpdir(), 'proa-test-agent-'));
  readonly #bundles: [id: string, bundle: Bundle][] = [];
  readonly #prelude: string;
  readonly #ids: string[] = [];
  process!: ChildProcess;
  errors = '';
  /** What `start` runs. */
  program: string;

  /** `prelude`: a shell's words before the agent, which keeps the shell's pid. `program`: default, the agent under test. */
  constructor({ prelude = '', program = agentPath } = {}) {
    this.#prelude = prelude;
    this.program = program;
  }

  /** Returns when it listens. */
  async start(): Promise<void> {
    const words = ['-c', `${this.#prelude} exec "$0" "$@"`, this.program, '--run', this.run, '--state', this.state];
    this.process = spawn('sh', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.process.stderr?.on('data', (text) => {
      this.errors += text;
    });
    await until(() => existsSync(join(this.run, 'agent')) || this.process.exitCode !== null);
    if (this.process.exitCode !== null) throw new Error(`the agent ended: ${this.errors}`);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const gone = new Promise((done) => this.process.once('exit', done));
    this.process.kill(signal);
    await gone;
    if (signal === 'SIGKILL') rmSync(join(this.run, 'agent'), { force: true });
  }

  /** Makes a container, and gives its id. */
  async create(options: ContainerOptions = {}): Promise<string> {
    using client = new Client(join(this.run, 'agent'));
    return await this.createThrough(client, options);
  }

  async createThrough(client: Client, { request, question, ...bundleOptions }: ContainerOptions): Promise<string> {
    const bundle = makeBundle(bundleOptions);
    const id = request?.id ?? newId('agent');
    this.#bundles.push([id, bundle]);
    this.#ids.push(id);
    await client.ask('create', {
      container: {
        id,
        bundle: bundle.path,
        start: true,
        stdin: 'none',
        log: { format: 'cri', path: this.logPath(id), maximumBytes: 0, files: 1, compress: false },
        ...request,
      },
      ...question,
    });
    return id;
  }

  bundleOf(id: string): string {
    return this.#bundles.find(([owner]) => owner === id)?.[1].path ?? '';
  }

  logPath(id: string): string {
    return join(this.state, `${id}.log`);
  }

  /** What the container has written so far, without times. */
  log(id: string): string[] {
    return readFileSync(this.logPath(id), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => line.replace(/^\S+ /, ''));
  }

  monitor(id: string, hello?: Message): Client {
    return new Client(join(this.run, 'containers', id, 'monitor'), hello);
  }

  async ask<K extends keyof Requests>(id: string, ask: K, fields?: Requests[K]): Promise<Message> {
    using client = this.monitor(id);
    return (await client.ask(ask, fields as Message)) as Message;
  }

  /** The state that is kept of a container that has ended. */
  kept(id: string): ContainerState | undefined {
    const file = join(this.state, 'containers', id, 'state.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ContainerState) : undefined;
  }

  /** How the container ended, once it has and nobody keeps it any more. */
  async ended(id: string): Promise<ExitRecord> {
    await until(() => !existsSync(join(this.run, 'containers', id)) && this.kept(id)?.exit !== undefined);
    return this.kept(id)?.exit as ExitRecord;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#ids) {
      if (!existsSync(join(this.run, 'containers', id))) continue;
      await this.ask(id, 'remove').catch(() => {});
      await until(() => !existsSync(join(this.run, 'containers', id))).catch(() => {});
    }
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.process.exitCode === null) this.process.kill('SIGTERM');
    for (const [, bundle] of this.#bundles) bundle[Symbol.dispose]();
    rmSync(this.run, { recursive: true, force: true });
    rmSync(this.state, { recursive: true, force: true });
  }
}

/** The shared root filesystem below, and a writable layer in `directory`. */
export function overlayOf(directory: string): { lower: string[]; upper: string; work: string } {
  for (const name of ['upper', 'work']) mkdirSync(join(directory, name), { recursive: true });
  return { lower: [rootfs()], upper: join(directory, 'upper'), work: join(directory, 'work') };
}

/** Where another OCI runtime is, or why its tests are skipped. */
export function otherRuntime(name: string): { path: string; skip: string | false } {
  const path = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
  return { path, skip: path === '' ? `${name} is not on this machine` : false };
}

/** What runtimes of some years ago know. */
export function olderVersion(config: TestConfig): void {
  config.ociVersion = '1.0.2';
}

/** Looks until something is so. */
export async function until(holds: () => boolean | Promise<boolean>, seconds = 10): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come true in time');
    await new Promise((done) => setTimeout(done, 10));
  }
}
