// What a monitor is asked on its control socket, and what it answers. Every message is a frame (frames.ts). The first on
// each connection is a Hello, and is answered with one.
import * as check from '../check/check.ts';
import { checked } from '../check/checked.ts';
import { process } from '../runtime-spec/process.ts';
import { resources } from '../runtime-spec/resources.ts';
import type { Process, Resources } from '../runtime-spec/types.ts';
import type { ExitRecord, RestartSettings } from './container.ts';
import type { FailureMessage } from './failure.ts';

export interface Hello {
  hello: number;
}

/** `number` is the asker's, and comes back with the answer: answers may overtake each other. */
export interface Question {
  number: number;
  ask: keyof Requests;
  [field: string]: unknown;
}

export type Answer = { number: number; answer: unknown } | { number: number; failure: FailureMessage };

/** Told to connections that asked to `watch`. */
export interface Notice {
  notice:
    | 'start'
    | 'exit'
    /** What the request wants done after an end has been done. */
    | 'cleaned'
    | 'restart'
    | 'out-of-memory'
    | 'health'
    | 'pause'
    | 'resume'
    | 'exec-start'
    | 'exec-exit'
    | 'trouble';
  at: string;
  [field: string]: unknown;
}

/** After the answer, a connection carries bytes: input to the program, output from it. */
export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** The program waits for this client where it reads slowly; others are dropped. */
  patient?: boolean;
}

export interface ExecRequest extends AttachOptions {
  process: Process;
  /** Its name; one of the monitor's choice when absent. */
  exec?: string;
}

export interface StartRequest {
  /** As many attach by other connections, just now: the program runs when they have come, or would have. */
  attached?: number;
}

export interface ExecState {
  exec: string;
  running: boolean;
  pid?: number;
  exit?: ExitRecord;
  args: string[];
  terminal: boolean;
}

/** The requests, with what each takes. */
export interface Requests {
  state: Record<never, never>;
  watch: Record<never, never>;
  start: StartRequest;
  stop: { signal?: number; graceSeconds?: number };
  /** `stops`: the restart policies that take it for a stop. Version 4. */
  kill: { signal: number; all?: boolean; stops?: 'every-policy' | 'unless-stopped' };
  pause: Record<never, never>;
  resume: Record<never, never>;
  update: { resources?: Resources; restart?: RestartSettings };
  /** Through the container's runtime, where that can. */
  checkpoint: { directory: string; leaveRunning?: boolean };
  /**
   * Answered with the next end, or the last where there is none to come; `cleaned`: when it has ended for good, its
   * clean-up is over and its id is free.
   */
  wait: { condition?: 'ended' | 'cleaned' };
  resize: { rows: number; columns: number };
  attach: AttachOptions;
  stats: { interval?: number };
  'reopen-log': Record<never, never>;
  /** Ended at once, and answered when it is cleaned up. */
  remove: Record<never, never>;
  exec: ExecRequest;
  'exec-start': { exec: string } & StartRequest;
  'exec-attach': { exec: string } & AttachOptions;
  'exec-list': Record<never, never>;
  'exec-wait': { exec: string };
  'exec-signal': { exec: string; signal: number };
  'exec-resize': { exec: string; rows: number; columns: number };
}

const signal = check.integer(1, 64);
const size = check.integer(1, 0xffff);
const stdin = check.boolean;
const stdout = check.boolean;
const stderr = check.boolean;
const patient = check.boolean;
const streamNames = ['stdin', 'stdout', 'stderr'];
const exec = check.text;
const attached = check.integer(0, 1000);
const nothing = check.object({ __proto__: null }, []);

const requests: Record<keyof Requests, check.Check> = {
  state: nothing,
  watch: nothing,
  start: check.object({ __proto__: null, attached }, []),
  stop: check.object({ __proto__: null, signal, graceSeconds: check.integer(0, 0x1fffff) }, []),
  kill: check.object(
    {
      __proto__: null,
      signal,
      all: check.boolean,
      stops: check.word('which policies', '', 'every-policy unless-stopped'),
    },
    ['signal'],
  ),
  pause: nothing,
  resume: nothing,
  update: check.object(
    {
      __proto__: null,
      resources,
      restart: check.object(
        {
          __proto__: null,
          policy: check.word('a policy', '', 'no on-failure always unless-stopped on-unhealthy'),
          maximumRetries: check.integer(0, 0x7fffffff),
        },
        ['policy'],
      ),
    },
    [],
  ),
  checkpoint: check.object({ __proto__: null, directory: check.absolute, leaveRunning: check.boolean }, ['directory']),
  wait: check.object({ __proto__: null, condition: check.word('a condition', '', 'ended cleaned') }, []),
  resize: check.object({ __proto__: null, rows: size, columns: size }, ['rows', 'columns']),
  attach: check.object({ __proto__: null, stdin, stdout, stderr, patient }, streamNames),
  stats: check.object({ __proto__: null, interval: check.integer(10, 0x7fffffff) }, []),
  'reopen-log': nothing,
  remove: nothing,
  exec: check.object({ __proto__: null, exec, stdin, stdout, stderr, process }, ['process', ...streamNames]),
  'exec-start': check.object({ __proto__: null, exec, attached }, ['exec']),
  'exec-attach': check.object({ __proto__: null, exec, stdin, stdout, stderr, patient }, ['exec', ...streamNames]),
  'exec-list': nothing,
  'exec-wait': check.object({ __proto__: null, exec }, ['exec']),
  'exec-signal': check.object({ __proto__: null, exec, signal }, ['exec', 'signal']),
  'exec-resize': check.object({ __proto__: null, exec, rows: size, columns: size }, ['exec', 'rows', 'columns']),
};

const question = check.object(
  {
    __proto__: null,
    number: check.integer(0, Number.MAX_SAFE_INTEGER),
    ask: check.word('a request', '', Object.keys(requests).join(' ')),
  },
  ['number', 'ask'],
);

/** A question that came from another process. Throws `invalid`, naming the field. */
export function readQuestion(value: unknown): Question {
  const asked = checked<Question>(question, 'question', value);
  return checked(requests[asked.ask], asked.ask, asked);
}
