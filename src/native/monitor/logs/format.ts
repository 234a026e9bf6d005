import { utf8 } from '#sys/bytes.ts';
import type { Dressing } from '#sys/framing.ts';
import type { LogStream } from './types.ts';

/** What stands around a content, and where the two times in it begin. */
export interface TimedDressing extends Dressing {
  times: readonly [number, number];
}

/** What a log's records look like. */
export interface Format {
  /** Whether contents stand in a JSON string. */
  escaped: boolean;
  dress(time: string, stream: LogStream): TimedDressing;
}

/** `TIME STREAM F content`, with P in place of F for a piece of a line that goes on: the kubelet's, in design-proposals "kubelet-cri-logging". */
export const criFormat: Format = {
  escaped: false,
  dress(time, stream) {
    const before = `${time} ${stream} F `;
    return {
      bytes: utf8(`${before}\n${time} ${stream} P \n`),
      wholeBefore: before.length,
      wholeAfter: 1,
      pieceBefore: before.length,
      times: [0, before.length + 1],
    };
  },
};

/** Docker's json-file: a piece is told from a whole line by having no newline. */
export const jsonFileFormat: Format = {
  escaped: true,
  dress(time, stream) {
    const before = '{"log":"';
    const after = `","stream":"${stream}","time":"${time}"}\n`;
    const toTime = after.indexOf(time);
    return {
      bytes: utf8(`${before}\\n${after}${before}${after}`),
      wholeBefore: before.length,
      wholeAfter: after.length + 2,
      pieceBefore: before.length,
      times: [before.length + 2 + toTime, before.length * 2 + 2 + after.length + toTime],
    };
  },
};
