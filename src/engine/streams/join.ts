import { type Duplex, Transform } from 'node:stream';
import { DetachWatch, defaultDetachKeys, parseDetachKeys } from '#common/streams/detach-keys.ts';

export interface JoinOptions {
  /** Bytes of the client that end the connection and leave the program alone; none by default. */
  detachKeys?: readonly number[];
  onDetach?(): void;
  /** The client hears of the program's end when this is over: then it may ask how that was. */
  before?: Promise<unknown>;
}

/**
 * Joins two connections: what one sends the other gets, each half ends by itself, and the loss of one ends the other.
 * Neither is read faster than the other takes it. Either may have ended already: a stream without a word in it ends also
 * where nobody reads.
 */
export function join(
  client: Duplex,
  program: Duplex,
  { detachKeys = [], onDetach, before = Promise.resolve() }: JoinOptions = {},
): void {
  if (client.destroyed) {
    program.destroy();
    return;
  }
  if (detachKeys.length === 0) client.pipe(program);
  else client.pipe(watched(detachKeys, detach)).pipe(program);
  program.pipe(client, { end: false });
  when(program.readableEnded, 'end', () => before.then(() => client.end()));
  client.on('error', () => program.destroy());
  program.on('error', () => client.destroy());
  client.on('close', () => program.destroy());
  when(program.closed, 'close', () => {
    // All of its output is on its way; what the client still sends nobody takes.
    client.unpipe();
    client.resume();
    if (!program.readableEnded) client.destroy();
  });

  function when(happened: boolean, event: 'end' | 'close', then: () => void): void {
    if (happened) then();
    else program.on(event, then);
  }

  function detach(): void {
    client.unpipe();
    program.unpipe();
    client.end();
    program.destroy();
    onDetach?.();
  }
}

/** Those of a terminal that somebody types in, Docker's where none are given. Throws `invalid`. */
export function detachKeysOf(text: string | undefined, { tty, stdin }: { tty: boolean; stdin: boolean }): number[] {
  const keys = parseDetachKeys(text || defaultDetachKeys);
  return tty && stdin ? keys : [];
}

function watched(keys: readonly number[], detach: () => void): Transform {
  const watch = new DetachWatch(keys);
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      const { pass, detached } = watch.push(bytes);
      if (pass.length > 0) this.push(pass);
      if (detached) detach();
      done();
    },
  });
}
