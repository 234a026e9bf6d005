import { useStepRecorder } from '#native/steps.ts';
import { type Door, door, type SyscallArgument, useDoor } from '#sys/door.ts';
import { bytecodeLoaded } from '#sys/memory.ts';
import * as numbers from '#sys/raw/generated/numbers.ts';
import { monotonicMicroseconds } from '#sys/time.ts';

/** One system call of a step. */
export interface ExplainedCall {
  call: string;
  arguments: string[];
  result: number;
  microseconds: number;
}

/** A named part of a start, with what it did in order. */
export interface ExplainedStep {
  step: string;
  /** Which process did it. */
  process: 'runtime' | 'container';
  /** From the first step of the runtime to the beginning of this one. */
  startMicroseconds: number;
  microseconds: number;
  failed: boolean;
  actions: (ExplainedStep | ExplainedCall)[];
  /** On the root alone: bytes of bytecode that were read, the recorder's own among them. */
  loadedBytes?: number;
}

/**
 * Records every step and system call from now on, in this process and in those it clones: a clone goes on with a tree
 * of its own (see `startOver`).
 */
export class Recorder {
  #root: ExplainedStep;
  #open: ExplainedStep[];
  readonly #origin: number;
  readonly #names = new Map<number, string>();
  /** Reading the clock goes through the door too: those calls are ours. */
  #quiet = false;

  constructor(name: string) {
    for (const [call, number] of Object.entries(numbers)) this.#names.set(number, call);
    this.#origin = monotonicMicroseconds();
    this.#root = { step: name, process: 'runtime', startMicroseconds: 0, microseconds: 0, failed: false, actions: [] };
    this.#open = [this.#root];
    const real = door;
    // Inherited rather than copied: not all of the host's functions are enumerable.
    const recording: Door = Object.create(real);
    recording.syscall = (number, ...rest) => this.#record(real, 'syscall', number, rest);
    recording.fork = (number, ...rest) => this.#record(real, 'fork', number, rest);
    useDoor(recording);
    useStepRecorder(this);
  }

  begin(name: string): void {
    const next: ExplainedStep = {
      ...this.#root,
      step: name,
      startMicroseconds: this.#now(),
      microseconds: 0,
      failed: false,
      actions: [],
    };
    this.#open.at(-1)?.actions.push(next);
    this.#open.push(next);
  }

  end(failed: boolean): void {
    const ended = this.#open.pop();
    if (!ended) return;
    ended.microseconds = this.#now() - ended.startMicroseconds;
    ended.failed = failed;
  }

  /** In a process that was just cloned: what came before belongs to its parent. */
  startOver(name: string): void {
    this.#root = {
      step: name,
      process: 'container',
      startMicroseconds: this.#now(),
      microseconds: 0,
      failed: false,
      actions: [],
    };
    this.#open = [this.#root];
  }

  /** The tree up to now. */
  tree(): ExplainedStep {
    this.#root.microseconds = this.#now() - this.#root.startMicroseconds;
    this.#root.loadedBytes = bytecodeLoaded();
    return this.#root;
  }

  #now(): number {
    this.#quiet = true;
    const now = monotonicMicroseconds() - this.#origin;
    this.#quiet = false;
    return Math.round(now);
  }

  #record(real: Door, way: 'syscall' | 'fork', number: number, rest: SyscallArgument[]): number {
    if (this.#quiet) return real[way](number, ...rest);
    const before = this.#now();
    const result = real[way](number, ...rest);
    const call = this.#names.get(number) ?? `syscall ${number}`;
    this.#open.at(-1)?.actions.push({
      call,
      arguments: rest.map((argument) => shown(real, argument)),
      result,
      microseconds: this.#now() - before,
    });
    return result;
  }
}

const SHOWN_BYTES = 48;

/** An argument for people: numbers, quoted text, the beginning of buffers that hold text, the size of others. */
function shown(real: Door, argument: SyscallArgument): string {
  if (argument === null) return 'null';
  if (typeof argument === 'string') return JSON.stringify(argument);
  if (typeof argument !== 'object') return argument > 4096 ? `0x${argument.toString(16)}` : String(argument);
  if (!(argument instanceof Uint8Array)) return `‹${argument.length} pointers›`;
  const end = argument.indexOf(0) < 0 ? argument.length : argument.indexOf(0);
  const text = real.decode(argument.subarray(0, Math.min(end, SHOWN_BYTES)));
  if (end > 1 && /^[\x09\x0a\x20-\x7e]+$/.test(text)) return JSON.stringify(text) + (end > SHOWN_BYTES ? '…' : '');
  return `‹${argument.length} bytes›`;
}
