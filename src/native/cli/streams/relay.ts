import { ProaError } from '#common/errors.ts';
import { DetachWatch } from '#common/streams/detach-keys.ts';
import type { Loop } from '#loop/loop.ts';
import type { Connection } from '#native/http/connection.ts';
import { textOf } from '#sys/bytes.ts';
import { ECONNRESET, EPIPE } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { Demultiplexer } from './demultiplex.ts';
import { InputStream } from './input.ts';
import { OutputStream } from './output.ts';

export interface RelayOptions {
  /** Whether our standard input goes to the container. */
  stdin: boolean;
  /** Output comes in pieces that name their stream. */
  multiplexed: boolean;
  /** What the user types to leave the container alone; none where there is no terminal. */
  detachKeys: readonly number[];
}

/** Carries bytes between our standard streams and a hijacked connection, until the container's output ends or the user detaches. */
export async function relay(
  loop: Loop,
  connection: Connection,
  { stdin, multiplexed, detachKeys }: RelayOptions,
): Promise<'ended' | 'detached'> {
  using input = new InputStream(loop, 0);
  const output = copyOutput(loop, connection, multiplexed).then(() => 'ended' as const);
  if (!stdin) return output;
  const detached = new Promise<'detached'>((resolve, reject) => {
    copyInput(input, connection, detachKeys).then((keys) => {
      if (keys) resolve('detached');
    }, reject);
  });
  return await Promise.race([output, detached]);
}

async function copyOutput(loop: Loop, connection: Connection, multiplexed: boolean): Promise<void> {
  using stdout = new OutputStream(loop, 1);
  using stderr = new OutputStream(loop, 2);
  if (multiplexed) await copyPieces(() => connection.read(), { stdout, stderr });
  else for (let bytes = await connection.read(); bytes; bytes = await connection.read()) await stdout.write(bytes);
}

/** Writes each piece to the stream that it names. */
export async function copyPieces(
  read: () => Promise<Uint8Array | undefined>,
  { stdout, stderr }: { stdout: OutputStream; stderr: OutputStream },
): Promise<void> {
  const splitter = new Demultiplexer();
  for (let bytes = await read(); bytes; bytes = await read())
    for (const piece of splitter.push(bytes)) await (piece.stream === 'stderr' ? stderr : stdout).write(piece.bytes);
  const failure = splitter.systemError();
  if (failure.length > 0)
    throw new ProaError(`error from daemon in stream: ${textOf(failure).trim()}`, { kind: 'internal' });
}

/** Whether the detach keys were typed. */
async function copyInput(input: InputStream, connection: Connection, keys: readonly number[]): Promise<boolean> {
  const watch = new DetachWatch(keys);
  try {
    for (let bytes = await input.read(); bytes; bytes = await input.read()) {
      const { pass, detached } = watch.push(bytes);
      await connection.write(pass);
      if (detached) return true;
    }
    connection.endWriting();
  } catch (error) {
    // The container reads no more: what it still says, and its status, are on their way.
    if (connection.open && !isErrno(error, EPIPE, ECONNRESET)) throw error;
  }
  return false;
}
