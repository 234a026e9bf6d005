import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type FailureKind, ProaError } from '#common/errors.ts';

export interface Tool {
  child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Throws what the program says of its failure, after `subject`. */
  ended: Promise<void>;
}

/** Starts proa-unpack or proa-pack: a failure is a line of JSON on standard error. */
export function startTool(path: string, args: readonly string[], subject: string): Tool {
  const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const complaint = text(child.stderr);
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', async (code, signal) => {
      if (code === 0) resolve();
      else reject(failureOf(subject, await complaint, `ended by ${signal ?? code}`));
    });
  });
  return { child, ended };
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
