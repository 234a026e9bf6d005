import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { ReadStream } from 'node:fs';
import type { Readable, Transform, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { finished, pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { ProaError } from '#common/errors.ts';
import type { Compression } from '#common/image-spec/media-types.ts';
import { allSettled } from '#engine/async/parallel.ts';

/** Bigger pieces mean fewer turns between the threads that inflate and the one that hashes. */
const CHUNK_BYTES = 256 << 10;

/** Of Node.js 22.15 and newer. */
const nodeZstd = (zlib as { createZstdDecompress?(options: object): Transform }).createZstdDecompress;

export interface Decompressed {
  output: Readable;
  /** Ends when all of the input was understood; throws what was wrong with it. */
  done: Promise<void>;
}

/** The bytes of a layer as its configuration counts them. Takes the input over: it is read to its end or destroyed. */
export function decompress(input: Readable, compression: Compression): Decompressed {
  if (compression === 'none') return { output: input, done: untilEnd(input) };
  if (compression === 'zstd' && !nodeZstd) return byProgram(input);
  const output =
    compression === 'gzip' ? zlib.createGunzip({ chunkSize: CHUNK_BYTES }) : (nodeZstd as () => Transform)();
  const done = allSettled([pipeline(input, output).catch(unlessStopped), untilEnd(output)]).then(
    () => {},
    // Codes of zlib begin so: what else goes wrong is not the stream's fault.
    (error) => Promise.reject(/^Z/.test(error.code) ? broken(compression, error) : error),
  );
  return { output, done };
}

/** Who stops reading knows why. */
function unlessStopped(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
}

async function untilEnd(output: Readable): Promise<void> {
  await finished(output, { writable: false }).catch(unlessStopped);
}

/** zstd(1), where Node.js has none of its own. */
function byProgram(input: Readable): Decompressed {
  const file = unreadFile(input);
  const program = spawn('zstd', ['--decompress', '--stdout', '--quiet'], {
    stdio: [file ?? 'pipe', 'pipe', 'pipe'],
  }) as ChildProcessByStdio<Writable | null, Readable, Readable>;
  const ended = new Promise<void>((resolve, reject) => {
    program.on('error', (cause) =>
      reject(
        new ProaError('a layer is compressed with zstd, which needs Node.js 22.15 or the program zstd', {
          kind: 'unavailable',
          remedy: 'Install the package zstd',
          cause,
        }),
      ),
    );
    const complaint = text(program.stderr);
    program.on('close', async (code) => {
      if (code === 0) return resolve();
      const words = (await complaint).trim();
      reject(broken('zstd', new Error(words || `zstd ended with ${code}`)));
    });
  });
  const fed = program.stdin ? feed(input, program, program.stdin) : untilClosed(input);
  program.stdout.on('error', () => program.kill());
  program.stdout.on('close', () => program.stdout.readableEnded || program.kill());
  const done = Promise.all([fed, ended]).then(() => {});
  done.catch((error) => program.stdout.destroy(error));
  return { output: program.stdout, done };
}

/** Of a file that nobody has read from yet: it goes to the program by itself, not a byte passes through this process. */
function unreadFile(input: Readable): number | undefined {
  // @types/node does not know it.
  const { fd } = input as { fd?: unknown };
  return input instanceof ReadStream && typeof fd === 'number' && input.bytesRead === 0 ? fd : undefined;
}

async function feed(input: Readable, program: ChildProcess, stdin: Writable): Promise<void> {
  try {
    await pipeline(input, stdin);
  } catch (error) {
    // What the program itself says of its input is clearer than that it stopped reading.
    if (!input.errored) return;
    program.kill();
    throw error;
  }
}

function untilClosed(input: Readable): Promise<void> {
  return new Promise((closed) => input.once('close', closed).destroy());
}

function broken(compression: Compression, cause: Error): ProaError {
  return new ProaError(`the layer is no ${compression} stream, or a damaged one: ${cause.message}`, {
    kind: 'invalid',
    cause,
  });
}
