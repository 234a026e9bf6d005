import { defaultDetachKeys, parseDetachKeys } from '#common/streams/detach-keys.ts';
import { type Query, segment } from '../engine.ts';
import type { Session } from '../session.ts';
import { forwardSignals } from '../streams/forward-signals.ts';
import { relay } from '../streams/relay.ts';
import { followWindow, takeTerminal } from '../streams/terminal.ts';
import type { Attachment } from './request.ts';

export interface ForegroundOptions {
  attachment: Attachment;
  tty: boolean;
  detachKeys: string | undefined;
  /** Signals go to the container, where it has no terminal that would send them. */
  forwardsSignals: boolean;
  /** What the container's end is waited for with: its next exit, or its removal. */
  until: 'next-exit' | 'removed' | 'not-running';
  /** Starts it; nothing for one that runs. `query`: who is to be connected before. */
  start?(query: Query): Promise<unknown>;
}

interface End {
  StatusCode: number;
  Error?: { Message?: string } | null;
}

/** Keeps our streams and a container's together until it ends: its status. Undefined where the user left it alone. */
export async function runInForeground(
  session: Session,
  id: string,
  { attachment, tty, detachKeys, forwardsSignals, until, start }: ForegroundOptions,
): Promise<number | undefined> {
  const { engine, loop } = session;
  const path = `/containers/${segment(id)}`;
  const keys = parseDetachKeys(detachKeys || defaultDetachKeys);
  const isAttached = attachment.stdin || attachment.stdout || attachment.stderr;
  using _terminal = tty && attachment.stdin ? takeTerminal(loop) : undefined;
  // Both must have reached the engine before the container starts: what it says, and its end, would be missed.
  const connected = Promise.all([
    isAttached ? engine.hijack(`${path}/attach`, { query: attachQuery(attachment, detachKeys) }) : undefined,
    engine.open('POST', `${path}/wait`, { query: { condition: until } }),
  ]);
  const expected = { attached: isAttached ? 1 : 0, waiting: 1 };
  const started = start && (engine.holdsStarts ? start(expected) : connected.then(() => start({})));
  // Told below, or the reason for which they are not connected is.
  started?.catch(() => {});
  using _signals = forwardsSignals && !tty ? forwardSignals(loop, engine, id, started) : undefined;
  const [stream, waiting] = await connected;
  const ended = waiting.body.text().then((text) => JSON.parse(text) as End);
  const relayed =
    stream &&
    relay(loop, stream.connection, {
      stdin: attachment.stdin,
      multiplexed: stream.multiplexed ?? !tty,
      detachKeys: tty ? keys : [],
    });
  // Nobody listens until the container has started.
  relayed?.catch(() => {});
  await started;
  using _window = tty
    ? followWindow(loop, ({ rows, columns }) => engine.post(`${path}/resize`, { query: { h: rows, w: columns } }))
    : undefined;
  if ((await relayed) === 'detached') return undefined;
  const { StatusCode, Error: failure } = await ended;
  if (failure?.Message) session.warn(failure.Message);
  return StatusCode;
}

function attachQuery({ stdin, stdout, stderr }: Attachment, detachKeys: string | undefined) {
  return {
    stream: true,
    stdin: stdin || undefined,
    stdout: stdout || undefined,
    stderr: stderr || undefined,
    detachKeys,
  };
}
