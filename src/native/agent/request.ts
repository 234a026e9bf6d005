import { kindOf, ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { type AgentQuestion, agentQuestion } from '#common/protocol/agent.ts';
import { type ContainerRequest, PROTOCOL_VERSION } from '#common/protocol/container.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import { FrameReader, frameOf } from '#common/protocol/frames.ts';
import { greet } from '#native/monitor/connection.ts';
import { ContainerFiles, containersDirectory, type Roots } from '#native/monitor/directories.ts';
import { runMonitor } from '#native/monitor/monitor.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { EAGAIN } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { exists, listDirectory, writeAll } from '#sys/files.ts';
import { read } from '#sys/raw/file.ts';
import { ignoreSignal, SIGPIPE } from '#sys/signals.ts';
import { limitReceiving } from '#sys/sockets.ts';
import { monotonicMicroseconds, sleepMilliseconds } from '#sys/time.ts';

/** Whoever connects has to say what it wants within this time, however often it says a little. */
export const PATIENCE_SECONDS = 10;

/** How long a container that has ended may keep its id from the next, and how often that is looked at. */
const CLEAN_UP_SECONDS = 60;
const LOOK_MILLISECONDS = 10;

/**
 * In a process that was forked for one connection: reads its question and answers it. `settled` is called where it lives on,
 * once it has nothing urgent to do. Returns the exit status.
 */
export function serveConnection(connection: OwnedFd, roots: Roots, settled: () => void): number {
  ignoreSignal(SIGPIPE);
  const send = (message: unknown) => writeAll(connection.number, frameOf(utf8(JSON.stringify(message))));
  let number: number | null = null;
  try {
    const frames = new FrameReader();
    const deadline = monotonicMicroseconds() + PATIENCE_SECONDS * 1e6;
    greet(receive(connection, frames, deadline));
    send({ hello: PROTOCOL_VERSION });
    const message = receive(connection, frames, deadline);
    number = (message as { number?: number } | null)?.number ?? null;
    return answer(agentQuestion(message), { connection, frames, send, settled }, roots);
  } catch (error) {
    send({ number, failure: failureMessage(error) });
    return 1;
  }
}

interface Asker {
  connection: OwnedFd;
  frames: FrameReader;
  send(message: unknown): void;
  settled(): void;
}

function answer(question: AgentQuestion, { connection, frames, send, settled }: Asker, roots: Roots): number {
  const { number } = question;
  if (question.ask === 'list') {
    send({ number, answer: listDirectory(containersDirectory(roots)) });
    return 0;
  }
  claim(new ContainerFiles(roots, question.container.id), question.container);
  return runMonitor({
    request: question.container,
    roots,
    settled,
    made(outcome, service) {
      try {
        if ('error' in outcome) send({ number, failure: failureMessage(outcome.error) });
        else send({ number, answer: outcome });
      } catch {
        // Nobody listens any more: the container lives all the same.
      }
      if (question.keep && service) service.serve(connection, frames);
      else connection.close();
    },
  });
}

/**
 * Takes the id. A container of that id that has ended, and is only being cleaned up, is waited for: what undoes its networks
 * and mounts must not meet those of the next.
 */
function claim(files: ContainerFiles, request: ContainerRequest): void {
  const deadline = monotonicMicroseconds() + CLEAN_UP_SECONDS * 1e6;
  for (;;) {
    try {
      files.claim(request);
      return;
    } catch (error) {
      const state = files.loadState();
      const cleaning = state ? state.phase === 'exited' : !exists(files.run);
      if (kindOf(error) !== 'conflict' || !cleaning || monotonicMicroseconds() > deadline) throw error;
      sleepMilliseconds(LOOK_MILLISECONDS);
    }
  }
}

/** The next message. */
function receive(connection: OwnedFd, frames: FrameReader, deadline: number): unknown {
  for (;;) {
    const body = frames.next();
    if (body) return parseJson(textOf(body));
    const left = (deadline - monotonicMicroseconds()) / 1000;
    if (left <= 0) throw tooLate();
    limitReceiving(connection, left);
    const buffer = new Uint8Array(4096);
    const count = uninterrupted(() => read(connection.number, buffer, buffer.length));
    if (count === -EAGAIN) throw tooLate();
    check(count, 'read', 'connection');
    if (count === 0) throw new ProaError('the connection ended before a question had come', { kind: 'invalid' });
    frames.push(buffer.subarray(0, count));
  }
}

function tooLate(): ProaError {
  return new ProaError(`no question came within ${PATIENCE_SECONDS} seconds`, { kind: 'invalid' });
}
