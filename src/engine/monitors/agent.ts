import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, kindOf, ProaError } from '#common/errors.ts';
import type { Created } from '#common/protocol/agent.ts';
import { type ContainerRequest, LATE_SINCE } from '#common/protocol/container.ts';
import { Connection, type ConnectionOptions } from './connection.ts';

export interface AgentOptions {
  /** The program proa-agent. */
  program: string;
  run: string;
  state: string;
}

const START_MILLISECONDS = 10_000;
const ATTEMPTS = 3;
/** How often it is looked whether an agent is there: it notices monitors that are lost. */
const WATCH_MILLISECONDS = 5000;

/** The agent of this engine's roots. It outlives the engine, and is started again whenever there is none. */
export class Agent implements Disposable {
  readonly #options: AgentOptions;
  #starting: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Makes sure that one runs, now and from now on. */
  async watch(): Promise<void> {
    await this.list();
    this.#timer = setInterval(() => {
      this.list().catch((error) => process.stderr.write(`proad: no agent: ${describe(error)}\n`));
    }, WATCH_MILLISECONDS).unref();
  }

  /**
   * Has a container kept by a monitor; answers the connection to that, or undefined where the agent is of an earlier
   * release, which ends it.
   */
  async create(container: ContainerRequest, options: ConnectionOptions): Promise<Connection | undefined> {
    const { connection } = await this.#ask<Created>('create', { container, keep: true }, options);
    if (connection.version >= LATE_SINCE) return connection;
    connection[Symbol.dispose]();
    return undefined;
  }

  /** The containers that have a monitor. */
  async list(): Promise<string[]> {
    const { connection, answer } = await this.#ask<string[]>('list');
    connection[Symbol.dispose]();
    return answer;
  }

  /** A question, on a connection that is the caller's then. One whose agent ended before it was heard is asked again. */
  async #ask<Answer>(
    ask: string,
    fields: object = {},
    options: ConnectionOptions = {},
  ): Promise<{ connection: Connection; answer: Answer }> {
    for (let attempts = 1; ; attempts++) {
      const connection = await this.#connect(options);
      try {
        return { connection, answer: await connection.ask<Answer>(ask, fields) };
      } catch (error) {
        connection[Symbol.dispose]();
        // The greeting is answered before anything is read, let alone done.
        const unheard = kindOf(error) === 'unavailable' && connection.version === 0;
        if (!unheard || attempts === ATTEMPTS) throw error;
      }
    }
  }

  async #connect(options: ConnectionOptions = {}): Promise<Connection> {
    const path = join(this.#options.run, 'agent');
    try {
      return await Connection.open(path, options);
    } catch {
      this.#starting ??= this.#start().finally(() => {
        this.#starting = undefined;
      });
      await this.#starting;
      return await Connection.open(path, options);
    }
  }

  /** Returns when it listens. Another engine's process may have been faster: then that one serves. */
  async #start(): Promise<void> {
    const { program, run, state } = this.#options;
    const log = join(run, 'agent.log');
    const errors = openSync(log, 'w', 0o600);
    let child: ChildProcess;
    try {
      child = spawn(program, ['--run', run, '--state', state], {
        detached: true,
        cwd: '/',
        stdio: ['ignore', 'ignore', errors],
        env: { PATH: process.env['PATH'] },
      });
    } finally {
      closeSync(errors);
    }
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? code}`));
    });
    child.unref();
    const end = Date.now() + START_MILLISECONDS;
    let reason: string | undefined;
    ended.then((text) => {
      reason = text;
    });
    while (!(await this.#answers())) {
      if (reason === undefined && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        continue;
      }
      const told = (await readFile(log, 'utf8')).trim();
      throw new ProaError(`cannot start the agent "${program}": ${told || reason || 'it does not listen'}`, {
        kind: 'unavailable',
      });
    }
  }

  async #answers(): Promise<boolean> {
    try {
      (await Connection.open(join(this.#options.run, 'agent')))[Symbol.dispose]();
      return true;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
