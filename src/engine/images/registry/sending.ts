import type { ClientRequest, IncomingMessage } from 'node:http';

/** What is asked of a body that is being sent. */
export interface Sending {
  /** It is its source that the other side waits for. */
  isHeld(): boolean;
}

/**
 * Sends a body of many pieces. Its source is closed at the end, whichever end that is: an answer may come before all of it
 * was sent, and then the connection ends with the answer.
 */
export function sendAll(request: ClientRequest, chunks: AsyncIterable<Uint8Array>): Sending {
  let isHeld = true;
  let over = false;
  let answer: IncomingMessage | undefined;
  let wake = () => {};
  const change = () =>
    new Promise<void>((resume) => {
      wake = resume;
    });
  const end = () => {
    over = true;
    wake();
  };
  request.on('drain', () => wake());
  request.on('close', end);
  request.on('response', (message) => {
    answer = message;
    end();
  });
  const send = async () => {
    for await (const chunk of chunks) {
      isHeld = false;
      if (over) break;
      if (!request.write(chunk)) await change();
      if (over) break;
      isHeld = true;
    }
    isHeld = false;
    if (!over) return void request.end();
    if (!answer || answer.readableEnded) request.destroy();
    else answer.once('end', () => request.destroy());
  };
  send().catch((error) => request.destroy(error));
  return { isHeld: () => isHeld };
}
