import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { isCode } from '../images/content/errors.ts';

const CHUNK = 1 << 16;

/** The files that a log is in, oldest first, as they are now: each is held open, whatever becomes of its name. */
export async function openLogFiles(path: string, most = 1000): Promise<OpenLog[]> {
  const found: OpenLog[] = [];
  const current = await openIfAny(path);
  if (current) found.push({ file: current, compressed: false });
  for (let age = 1; age < most; age++) {
    const plain = await openIfAny(`${path}.${age}`);
    const file = plain ?? (await openIfAny(`${path}.${age}.gz`));
    if (!file) break;
    found.push({ file, compressed: !plain });
  }
  return found.reverse();
}

export interface OpenLog {
  file: FileHandle;
  compressed: boolean;
}

export async function openIfAny(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Whole lines of a file from `position` on; the last is left when it has no newline yet. Answers where that begins. */
export async function* linesFrom(
  { file, compressed }: OpenLog,
  position = 0,
): AsyncGenerator<string, number, undefined> {
  const rest: Buffer[] = [];
  let at = position;
  for await (const chunk of compressed ? gunzipped(file) : plain(file, position)) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const piece = chunk.subarray(from, end);
      const line = rest.length === 0 ? piece : Buffer.concat([...rest.splice(0), piece]);
      at += line.length + 1;
      from = end + 1;
      yield line.toString();
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  return at;
}

async function* plain(file: FileHandle, position: number): AsyncGenerator<Buffer> {
  for (let at = position; ; ) {
    const buffer = Buffer.allocUnsafe(CHUNK);
    const { bytesRead } = await file.read(buffer, 0, CHUNK, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

function gunzipped(file: FileHandle): AsyncIterable<Buffer> {
  return createReadStream('', { fd: file, autoClose: false, start: 0 }).pipe(createGunzip());
}

/** Where the last `count` lines of an uncompressed file begin, and how many there are of them. */
export async function tailOf(file: FileHandle, count: number): Promise<{ position: number; lines: number }> {
  let { size: end } = await file.stat();
  let lines = 0;
  const buffer = Buffer.allocUnsafe(CHUNK);
  while (end > 0) {
    const length = Math.min(CHUNK, end);
    const { bytesRead } = await file.read(buffer, 0, length, end - length);
    for (let at = bytesRead - 1; at >= 0; at--) {
      if (buffer[at] !== 10) continue;
      // The newline of the last line that is wanted stands before it.
      if (lines === count) return { position: end - length + at + 1, lines };
      lines++;
    }
    end -= length;
  }
  return { position: 0, lines };
}
