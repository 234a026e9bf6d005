import { writeAll } from '#sys/files.ts';

/** Standard output, written in large pieces. */
export class Output {
  readonly #buffer = new Uint8Array(1 << 18);
  #length = 0;

  write(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#buffer.length) this.flush();
    if (bytes.length > this.#buffer.length) writeAll(1, bytes, 'standard output');
    else {
      this.#buffer.set(bytes, this.#length);
      this.#length += bytes.length;
    }
  }

  flush(): void {
    writeAll(1, this.#buffer.subarray(0, this.#length), 'standard output');
    this.#length = 0;
  }
}
