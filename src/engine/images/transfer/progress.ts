import type { ServerResponse } from 'node:http';
import { describe } from '#common/errors.ts';
import type { TransferEvent } from './events.ts';

const pulling: Record<TransferEvent['phase'], string> = {
  waiting: 'Pulling fs layer',
  exists: 'Already exists',
  transferring: 'Downloading',
  verifying: 'Verifying Checksum',
  retrying: 'Retrying',
  unpacking: 'Extracting',
  done: 'Pull complete',
};

const pushing: Record<TransferEvent['phase'], string> = {
  ...pulling,
  waiting: 'Preparing',
  exists: 'Layer already exists',
  transferring: 'Pushing',
  done: 'Pushed',
};

/**
 * Progress as a stream of JSON documents. Engine API, "ImageCreate". A failure before the first of them is thrown: then
 * there is still a status to tell it by.
 */
export class ProgressStream {
  readonly #response: ServerResponse;
  #first: object[] | undefined = [];

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  send(message: object): void {
    this.#begin();
    this.#write(message);
  }

  #begin(): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, { 'Content-Type': 'application/json' });
    for (const early of this.#first?.splice(0) ?? []) this.#write(early);
    this.#first = undefined;
  }

  #write(message: object): void {
    this.#response.write(`${JSON.stringify(message)}\r\n`);
  }

  /** Kept back until something has happened. */
  status(status: string, { id }: { id?: string } = {}): void {
    const message = { status, ...(id !== undefined && { id }) };
    if (this.#first) this.#first.push(message);
    else this.#write(message);
  }

  pulling(event: TransferEvent): void {
    this.#event(event, pulling[event.phase]);
  }

  pushing(event: TransferEvent): void {
    this.#event(event, pushing[event.phase]);
  }

  #event({ digest, phase, current, total, reason }: TransferEvent, status: string): void {
    const detail = {
      ...(current !== undefined && { current }),
      ...(total !== undefined && { total }),
    };
    const text = phase === 'retrying' && reason ? `${status}: ${reason}` : status;
    const id = digest.slice(digest.indexOf(':') + 1, digest.indexOf(':') + 13);
    this.send({
      status: text,
      progressDetail: detail,
      ...(current !== undefined && { progress: bar(current, total) }),
      id,
    });
  }

  fail(error: unknown): void {
    if (this.#first) throw error;
    const message = describe(error);
    this.#write({ errorDetail: { message }, error: message });
    this.#response.end();
  }

  end(): void {
    this.#begin();
    this.#response.end();
  }
}

const WIDTH = 50;

/** As Docker's clients of old show it, who do not draw their own. */
function bar(current: number, total: number | undefined): string {
  if (total === undefined || total === 0) return sizeText(current);
  const filled = Math.min(WIDTH, Math.floor((current / total) * WIDTH));
  const arrow = filled === WIDTH ? '='.repeat(WIDTH) : `${'='.repeat(filled)}>${' '.repeat(WIDTH - filled - 1)}`;
  return `[${arrow}]  ${sizeText(current)}/${sizeText(total)}`;
}

function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let at = 0;
  for (; value >= 1000 && at < units.length - 1; at++) value /= 1000;
  return `${Number(value.toPrecision(4))}${units[at]}`;
}
