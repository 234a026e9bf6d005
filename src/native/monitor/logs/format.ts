import { joinBytes, utf8 } from '#sys/bytes.ts';
import { escapeBytes, escapeText, isContinuation } from './escape.ts';
import type { LogStream } from './types.ts';

interface About {
  time: string;
  stream: LogStream;
}

/** What the records of one time and stream look like. */
export interface Format {
  /** A record for each line of a text, whose last line is without its newline. `ascii`: nothing else is in it. */
  lines(text: string, about: About & { ascii: boolean }): string;
  /** The record of bytes that are a line without its newline or, if not `whole`, a piece of one. */
  record(bytes: Uint8Array, about: About & { whole: boolean }): Uint8Array;
  /** How many bytes a piece has that shall have those `from` to `end`, with more behind them. */
  pieceOf(bytes: Uint8Array, from: number, end: number): number;
}

/**
 * `TIME STREAM F content`, with P in place of F for a piece of a line that goes on: the kubelet's, in design-proposals
 * "kubelet-cri-logging". All bytes stay as they are.
 */
export const criFormat: Format = {
  lines(text, { time, stream }) {
    const before = `${time} ${stream} F `;
    return `${before}${text.split('\n').join(`\n${before}`)}\n`;
  },
  record(bytes, { whole, time, stream }) {
    return joinBytes(utf8(`${time} ${stream} ${whole ? 'F' : 'P'} `), bytes, NEWLINE);
  },
  pieceOf(_bytes, from, end) {
    return end - from;
  },
};

const NEWLINE = Uint8Array.of(0x0a);

/** Docker's json-file: a piece is told from a whole line by having no newline. No UTF-8 sequence is parted. */
export const jsonFileFormat: Format = {
  lines(text, { time, stream, ascii }) {
    const end = `\\n","stream":"${stream}","time":"${time}"}\n`;
    return `{"log":"${escapeText(text, { newline: `${end}{"log":"`, ascii })}${end}`;
  },
  record(bytes, { whole, time, stream }) {
    return utf8(`{"log":"${escapeBytes(bytes)}${whole ? '\\n' : ''}","stream":"${stream}","time":"${time}"}\n`);
  },
  pieceOf(bytes, from, end) {
    for (let back = 0; back < LONGEST_SEQUENCE; back++)
      if (!isContinuation(bytes[end - back])) return end - back - from;
    return end - from;
  },
};

const LONGEST_SEQUENCE = 4;
