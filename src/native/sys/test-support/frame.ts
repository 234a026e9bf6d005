// What host/framing.c does, written anew in TypeScript and without regard to speed: tests on Node.js use it in place of the
// host's, and those inside the binary compare both.
const [FROM, TO, AT, ROOM, PIECE, BEFORE, AFTER, PIECE_BEFORE, ESCAPED, FLUSH, CONSUMED, PRODUCED, FULL] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

export function frame(job: Uint32Array, input: Uint8Array, output: Uint8Array, dressing: Uint8Array): void {
  const get = (place: number | undefined) => job[place as number] as number;
  const [before, after, pieceBefore] = [get(BEFORE), get(AFTER), get(PIECE_BEFORE)];
  const parts = [0, before, before + after, before + after + pieceBefore, dressing.length];
  const part = (index: number) => [...dressing.subarray(parts[index], parts[index + 1])];
  const to = get(TO);
  let from = get(FROM);
  let at = get(AT);
  let full = false;
  while (from < to && !full) {
    const { content, next, whole } = take(input, { from, to, piece: get(PIECE), escaped: get(ESCAPED) === 1 });
    if (!whole && next === to && to - from <= get(PIECE) && get(FLUSH) === 0) break;
    const record = [
      ...part(whole ? 0 : 2),
      ...(get(ESCAPED) === 1 ? escapedBytes(content) : content),
      ...part(whole ? 1 : 3),
    ];
    full = record.length > get(ROOM) - at;
    if (full) break;
    output.set(record, at);
    at += record.length;
    from = next;
  }
  job[CONSUMED as number] = from - get(FROM);
  job[PRODUCED as number] = at;
  job[FULL as number] = full ? 1 : 0;
}

interface Span {
  from: number;
  to: number;
  piece: number;
  escaped: boolean;
}

/** The next line or piece of one. */
function take(input: Uint8Array, { from, to, piece, escaped }: Span) {
  let end = from;
  while (end < to && end - from <= piece && input[end] !== 0x0a) end++;
  const content = (last: number) => [...input.subarray(from, last)];
  if (end - from <= piece && end < to) return { content: content(end), next: end + 1, whole: true };
  if (end - from <= piece) return { content: content(end), next: end, whole: false };
  end = from + piece;
  if (escaped) {
    const isContinuation = (place: number) => ((input[place] as number) & 0xc0) === 0x80;
    const begin = [end, end - 1, end - 2, end - 3].find((place) => !isContinuation(place));
    end = begin ?? end;
  }
  return { content: content(end), next: end, whole: false };
}

function escapedBytes(bytes: readonly number[]): number[] {
  const text: number[] = [];
  const put = (letters: string) => text.push(...Array.from(letters, (letter) => letter.charCodeAt(0)));
  for (let at = 0; at < bytes.length; ) {
    const { point, size } = decode(bytes, at);
    if (point === undefined) put('\\ufffd');
    else if (point === 0x0a) put('\\n');
    else if (point === 0x0d) put('\\r');
    else if (point === 0x22 || point === 0x5c) put(`\\${String.fromCharCode(point)}`);
    else if (point < 0x20 || [0x3c, 0x3e, 0x26, 0x2028, 0x2029].includes(point))
      put(`\\u${point.toString(16).padStart(4, '0')}`);
    else text.push(...bytes.slice(at, at + size));
    at += size;
  }
  return text;
}

/** The code point at a place; undefined and one byte where no valid UTF-8 begins. */
function decode(bytes: readonly number[], at: number): { point: number | undefined; size: number } {
  const first = bytes[at] as number;
  if (first < 0x80) return { point: first, size: 1 };
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const wrong = { point: undefined, size: 1 };
  if (first < 0xc0 || first >= 0xf8 || at + size > bytes.length) return wrong;
  let point = first & (0xff >> (size + 1));
  for (const byte of bytes.slice(at + 1, at + size)) {
    if ((byte & 0xc0) !== 0x80) return wrong;
    point = point * 64 + (byte & 0x3f);
  }
  const least = [0, 0, 0x80, 0x800, 0x10000][size] as number;
  return point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? wrong : { point, size };
}
