import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Answers with an archive that a program writes; `ended` throws where that fails. */
export async function sendArchive(
  response: ServerResponse,
  { output, ended }: { output: Readable; ended: Promise<void> },
  headers: Record<string, string>,
): Promise<void> {
  response.writeHead(200, headers);
  const sent = pipeline(output, response, { end: false }).catch(() => response.destroy());
  try {
    await ended;
    await sent;
    response.end();
  } catch (error) {
    // Half an archive must not look like a whole one.
    response.destroy();
    throw error;
  }
}
