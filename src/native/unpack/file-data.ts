import type { Entry } from '#common/tar/entry.ts';
import type { TarReader } from '#common/tar/reader.ts';
import { EINVAL } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import * as raw from '#sys/raw/file.ts';
import type { Input } from './input.ts';

/** Less than this is read together with what follows. */
const MOVED = 1 << 16;

/** Writes the data of entries into files that are new and empty. */
export class FileData {
  readonly #reader: TarReader;
  /** What data can be moved from. */
  #input: Input | undefined;

  constructor(reader: TarReader, input: Input | undefined) {
    this.#reader = reader;
    this.#input = input;
  }

  write(fd: number, entry: Entry): void {
    if (entry.segments) this.#writeSegments(fd, entry);
    else this.#writeWhole(fd);
  }

  #writeWhole(fd: number): void {
    const reader = this.#reader;
    const { window } = reader;
    for (;;) {
      const count = reader.available();
      if (count === 0) return;
      const { at } = window;
      const written = check(
        uninterrupted(() => raw.write(fd, window.bytes.subarray(at, at + count), count)),
        'write',
      );
      reader.take(written);
      if (this.#input && window.at === window.end && reader.ahead >= MOVED) this.#move(fd, this.#input);
    }
  }

  /** The part of a large file that is not in the window yet. */
  #move(fd: number, input: Input): void {
    while (this.#reader.ahead > 0) {
      const moved = input.move(fd, this.#reader.ahead);
      if (moved === -EINVAL) this.#input = undefined;
      // The end of input is found again, and told, by who reads on.
      if (moved <= 0) return;
      this.#reader.tookPast(moved);
    }
  }

  #writeSegments(fd: number, { segments, realSize }: Entry): void {
    const reader = this.#reader;
    const { window } = reader;
    check(raw.ftruncate(fd, realSize), 'ftruncate');
    for (const segment of segments ?? []) {
      let { offset, length } = segment;
      while (length > 0) {
        const count = Math.min(length, reader.available());
        const { at } = window;
        const written = check(raw.pwrite64(fd, window.bytes.subarray(at, at + count), count, offset), 'pwrite64');
        reader.take(written);
        offset += written;
        length -= written;
      }
    }
  }
}
