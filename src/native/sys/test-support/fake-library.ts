/** The library functions that unit tests on Node.js need, with addresses of their own. */
export function fakeLibrary() {
  const buffers: Uint8Array[] = [];
  /** The bytes at an address that `memmove` has given out. */
  const at = (address: number, length: number) =>
    (buffers[Math.floor(address / SPACING)] as Uint8Array).subarray(address % SPACING, (address % SPACING) + length);
  return {
    strlen: (text: string) => text.length,
    memmove(bytes: Uint8Array, from: Uint8Array | string): number {
      if (typeof from === 'string') bytes.set(Uint8Array.from(from, (letter) => letter.charCodeAt(0)));
      buffers.push(bytes);
      return (buffers.length - 1) * SPACING;
    },
    /** As the host, but every byte is taken for a letter. */
    replace(from: Uint8Array, length: number, out: Uint8Array, room: number, words: BigUint64Array): number {
      const written: number[] = [];
      for (const byte of from.subarray(0, length)) {
        const [place, size] = [Number(words[2 * byte]), Number(words[2 * byte + 1])];
        written.push(...(byte < 0x80 && size > 0 ? at(place, size) : [byte]));
      }
      if (written.length > room) return -1;
      out.set(written);
      return written.length;
    },
  };
}

const SPACING = 2 ** 20;
