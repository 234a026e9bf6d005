import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from './agent.ts';
import { unmountBelow } from './unmount.ts';

/** Nothing that is asked for here takes as long. */
const PATIENCE_MILLISECONDS = 30_000;
const program = resolve(process.env['PROAD'] ?? 'dist/proad.mjs');

export interface Answer<T = unknown> {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  bytes: Buffer;
  text: string;
  /** Of the body; undefined where it is no JSON. */
  json: T;
}

/** An engine with roots of its own; its containers, its agent and everything that it keeps go with it. */
export class EngineProcess implements AsyncDisposable {
  readonly run = mkdtempSync('/run/proa-test-engine-');
  readonly state: string;
  readonly socket = join(this.run, 'proad.sock');
  process!: ChildProcess;
  errors = '';

  /** `state`: a directory, which goes with it, too. */
  constructor({ state = mkdtempSync(join(tmpdir(), 'proa-test-engine-')) } = {}) {
    this.state = state;
  }

  static async start(options?: { state?: string }): Promise<EngineProcess> {
    const engine = new EngineProcess(options);
    await engine.start();
    return engine;
  }

  /** Returns when it answers. */
  async start(): Promise<void> {
    const words = [program, 'serve', '--run', this.run, '--state', this.state];
    const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
    this.process = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'], env });
    this.process.stderr?.on('data', (text) => {
      this.errors += text;
    });
    await until(async () => this.hasEnded || (await this.answers()), 30);
    if (this.hasEnded) throw new Error(`the engine ended: ${this.errors}`);
  }

  get hasEnded(): boolean {
    return this.process === undefined || this.process.exitCode !== null || this.process.signalCode !== null;
  }

  private async answers(): Promise<boolean> {
    return existsSync(this.socket) && (await this.call('GET', '/_ping').catch(() => undefined))?.status === 200;
  }

  /** Ends the engine alone. Returns when it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.hasEnded) return;
    const gone = new Promise((done) => this.process.once('exit', done));
    this.process.kill(signal);
    await gone;
  }

  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** One request; `body` goes as JSON, or as it is where it is bytes. */
  call<T = unknown>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    return new Promise((answered, failed) => {
      const type = body instanceof Uint8Array ? 'application/x-tar' : 'application/json';
      const headers = body === undefined ? {} : { 'content-type': type };
      const sent = request({ socketPath: this.socket, method, path, headers, agent: false }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', failed);
        response.on('end', () => {
          const bytes = Buffer.concat(parts);
          const text = bytes.toString();
          answered({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes,
            text,
            json: parsed(text) as T,
          });
        });
      });
      sent.on('error', failed);
      sent.setTimeout(PATIENCE_MILLISECONDS, () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.end(body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body));
    });
  }

  /** The same, and throws what the engine says where that is a failure. */
  async ask<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text, json } = await this.call<T>(method, path, body);
    if (status >= 400) throw new Error(`${method} ${path}: ${status}: ${text}`);
    return json;
  }

  /** A container that runs; its id. */
  async runContainer(args: readonly string[], { name = '', host = {}, ...config }: RunOptions = {}): Promise<string> {
    const query = name === '' ? '' : `?name=${name}`;
    const wanted = { Image: 'proa/base', Cmd: args, HostConfig: { NetworkMode: 'none', ...host }, ...config };
    const { Id } = await this.ask<{ Id: string }>('POST', `/containers/create${query}`, wanted);
    await this.ask('POST', `/containers/${Id}/start`);
    return Id;
  }

  async inspect(id: string): Promise<Inspected> {
    return await this.ask<Inspected>('GET', `/containers/${id}/json`);
  }

  /** Of processes that belong to these roots: agent and monitors. */
  agents(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && commandLine(pid).includes(this.run));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.hasEnded) await this.start();
      for (const { Id } of await this.ask<{ Id: string }[]>('GET', '/containers/json?all=1'))
        await this.call('DELETE', `/containers/${Id}?force=1&v=1`);
    } finally {
      await this.kill('SIGTERM');
      for (const pid of this.agents()) end(pid, 'SIGTERM');
      // A monitor that is left has a container that could not be removed.
      await until(() => this.agents().length === 0, 5).catch(() => {});
      for (const pid of this.agents()) end(pid, 'SIGKILL');
      for (const directory of [this.run, this.state]) {
        unmountBelow(directory);
        rmSync(directory, { recursive: true, force: true });
      }
    }
  }
}

interface RunOptions {
  name?: string;
  host?: object;
  [field: string]: unknown;
}

export interface Inspected {
  Id: string;
  Name: string;
  State: {
    Status: string;
    Running: boolean;
    Pid: number;
    ExitCode: number;
    Error: string;
    Health?: { Status: string };
  };
  RestartCount: number;
  Mounts: { Type: string; Name?: string; Source: string; Destination: string; RW: boolean }[];
  Config: Record<string, unknown>;
  HostConfig: Record<string, unknown>;
  [field: string]: unknown;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It ended while we looked.
    return '';
  }
}

/** Some end by themselves. */
export function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}
