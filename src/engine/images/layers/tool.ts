import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type FailureKind, ProaError } from '#common/errors.ts';

export interface Tool {
  child: ChildProcess & { stdin: Writable; stdout: Readable };
  /** Throws what the program says of its failure, after `subject`. */
  ended: Promise<void>;
}

/** One that reads a file by itself, and what it is told meanwhile, on its descriptor 3. */
export interface FileTool {
  child: ChildProcess & { stdout: Readable };
  control: Writable;
  ended: Promise<void>;
}

/** Starts proa-unpack or proa-pack: a failure is a line of JSON on standard error. */
export function startTool(path: string, args: readonly string[], subject: string): Tool {
  const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  return { child, ended: endOf(child, subject) };
}

/** The same with a file, by its descriptor, as standard input. */
export function startFileTool(path: string, args: readonly string[], subject: string, file: number): FileTool {
  const child = spawn(path, args, { stdio: [file, 'pipe', 'pipe', 'pipe'] }) as FileTool['child'];
  const control = child.stdio[3] as Writable & Readable;
  // Of one that has ended, its end is told; and only who reads a socket sees that the other side is closed.
  control.on('error', () => {}).resume();
  return { child, control, ended: endOf(child, subject) };
}

function endOf(child: ChildProcess, subject: string): Promise<void> {
  const complaint = text(child.stderr as Readable);
  return new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', async (code, signal) => {
      if (code === 0) resolve();
      else reject(failureOf(subject, await complaint, `ended by ${signal ?? code}`));
    });
  });
}

function failureOf(subject: string, complaint: string, otherwise: string): ProaError {
  let failure: { message?: string; kind?: FailureKind; remedy?: string } = {};
  try {
    failure = JSON.parse(complaint);
  } catch {
    // It was killed, or could not even begin.
  }
  const { message = complaint.trim() || otherwise, kind = 'internal', remedy } = failure;
  return new ProaError(`${subject}: ${message}`, { kind, ...(remedy !== undefined && { remedy }) });
}
