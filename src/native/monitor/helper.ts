import { ProaError } from '#common/errors.ts';
import { type FailureMessage, failureMessage, RemoteFailure } from '#common/protocol/failure.ts';
import { after } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { cloneProcess, SIGKILL, setParentDeathSignal, signalProcess } from '#sys/processes.ts';
import { receiveMessage, sendMessage, socketPair } from '#sys/sockets.ts';
import { giveUpProtection } from './oom-score.ts';

export interface HelperOptions {
  /** The helper is ended after so many milliseconds, which is a failure. */
  limit?: number;
  /** Gets a way to end it early. */
  begun?(end: () => void): void;
}

export interface Helped<T> {
  answer: T;
  fds: OwnedFd[];
}

/**
 * Runs `body` in a short-lived copy of this process, and resolves with its answer. What takes long, may hang on what a
 * container does, or fills memory is done there: the monitor goes on meanwhile, and stays small. Children that `body`
 * makes with CLONE_PARENT are the monitor's. A failure there is thrown here.
 */
export async function inHelper<T>(
  loop: Loop,
  body: () => { answer: T; fds?: readonly OwnedFd[] },
  { limit, begun }: HelperOptions = {},
): Promise<Helped<T>> {
  const [ours, theirs] = socketPair();
  using answers = ours;
  using given = theirs;
  const helper = cloneProcess({}, () => {
    setParentDeathSignal(SIGKILL);
    try {
      giveUpProtection();
      const { answer, fds = [] } = body();
      const numbers = fds.map(({ number }) => number);
      sendMessage(theirs, utf8(JSON.stringify({ answer })), numbers);
      return 0;
    } catch (error) {
      sendMessage(theirs, utf8(JSON.stringify({ failure: failureMessage(error) })));
      return 1;
    }
  });
  given.close();
  using handle = helper.pidfd;
  const end = () => signalProcess(handle, SIGKILL);
  begun?.(end);
  using _limit = limit === undefined ? undefined : after(loop, limit, end);
  await loop.ready(answers.number, 'readable');
  const received = receiveMessage(answers);
  if (!received) throw new ProaError('the helper process was ended before it was done', { kind: 'unavailable' });
  const message = JSON.parse(textOf(received.data)) as { answer: T } | { failure: FailureMessage };
  if ('failure' in message) throw new RemoteFailure(message.failure);
  return { answer: message.answer, fds: received.fds };
}
