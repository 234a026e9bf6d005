import { writeAll } from '#sys/files.ts';

/** A stream, standard output by default, written in large pieces. */
export class Output {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(1 << 18);
  #length = 0;

  constructor(fd = 1) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#buffer.length) this.flush();
    if (bytes.length > this.#buffer.length) writeAll(this.#fd, bytes, 'output');
    else {
      this.#buffer.set(bytes, this.#length);
      this.#length += bytes.length;
    }
  }

  flush(): void {
    writeAll(this.#fd, this.#buffer.subarray(0, this.#length), 'output');
    this.#length = 0;
  }
}
