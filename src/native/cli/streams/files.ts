import { ProaError } from '#common/errors.ts';
import type { Loop } from '#loop/loop.ts';
import type { Body } from '#native/http/body.ts';
import type { BodySource } from '#native/http/client.ts';
import { statusIfAny } from '#sys/file-status.ts';
import { openFile, removeFile, renameFile, writeAll } from '#sys/files.ts';
import { O_CREAT, O_TRUNC, O_WRONLY } from '#sys/raw/file.ts';
import { windowSize } from '#sys/terminals.ts';
import { InputStream } from './input.ts';
import { OutputStream } from './output.ts';

/** What a file, or standard input where none is named, holds as the body of a request. */
export function fileSource(loop: Loop, file: string | undefined): BodySource {
  if (file === undefined || file === '-')
    return async (write) => {
      using input = new InputStream(loop, 0);
      for (let bytes = await input.read(); bytes; bytes = await input.read()) await write(bytes);
    };
  // Opened now: a file that is not there is no request.
  const opened = openFile(file);
  return async (write) => {
    using fd = opened;
    using input = new InputStream(loop, fd.number);
    for (let bytes = await input.read(); bytes; bytes = await input.read()) await write(bytes);
  };
}

/** Writes a body to a file, which is there only when it is whole, or to standard output, which must not be a terminal. */
export async function saveBody(loop: Loop, body: Body, file: string | undefined): Promise<void> {
  if (file === undefined || file === '-') {
    using output = new OutputStream(loop, 1);
    for (let bytes = await body.read(); bytes; bytes = await body.read()) await output.write(bytes);
    return;
  }
  const kind = statusIfAny(file)?.kind;
  // What is no file is written to as it is: /dev/null, a pipe.
  const target = kind === undefined || kind === 'file' ? `${file}.partial-proa` : file;
  try {
    using output = openFile(target, { flags: O_WRONLY | (target === file ? 0 : O_CREAT | O_TRUNC), mode: 0o600 });
    for (let bytes = await body.read(); bytes; bytes = await body.read()) writeAll(output.number, bytes, file);
  } catch (error) {
    if (target !== file) removeFile(target);
    throw error;
  }
  if (target !== file) renameFile(target, file);
}

/** Throws where an archive would go to a terminal. */
export function refuseTerminal(file: string | undefined, what: string): void {
  if (file === undefined && windowSize(1))
    throw new ProaError(`cowardly refusing to ${what} to a terminal`, {
      kind: 'invalid',
      remedy: 'Use --output, or send standard output elsewhere',
    });
}
