import { ProaError } from '#common/errors.ts';
import { textOf } from '#sys/bytes.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { read } from '#sys/raw/file.ts';

const END = 'end';
const LINE_LIMIT = 4096;

/**
 * How much there is of a file that another process still writes: it says so in lines on a descriptor, each the number of
 * bytes that are there, and `end` when that is all. The descriptor stays open until we are done: when it is closed before,
 * nobody wants what we make.
 */
export class Growth {
  readonly fd: number;
  bytes = 0;
  isWhole = false;
  readonly #buffer = new Uint8Array(LINE_LIMIT);
  #line = '';

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Reads what has been said, of which there is something. */
  take(): void {
    const count = check(
      uninterrupted(() => read(this.fd, this.#buffer, this.#buffer.length)),
      'read',
      'what is said of the growth of standard input',
    );
    if (count === 0) throw new ProaError('Given up by who writes standard input', { kind: 'unavailable' });
    const lines = (this.#line + textOf(this.#buffer, count)).split('\n');
    this.#line = lines.pop() as string;
    for (const line of lines) {
      if (line === END) this.isWhole = true;
      else if (/^\d{1,15}$/.test(line)) this.bytes = Number(line);
      else
        throw new ProaError(`Growth of standard input: expected a number or "${END}", got "${line}"`, {
          kind: 'invalid',
        });
    }
    if (this.#line.length > LINE_LIMIT)
      throw new ProaError('Growth of standard input: a line has no end', { kind: 'invalid' });
  }
}
