const streams = { stdin: 0, stdout: 1, stderr: 2 } as const;

/** Output of one stream among others: eight bytes, then the bytes. Engine API, "ContainerAttach", "Stream format". */
export function streamFrame(stream: keyof typeof streams, bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(8 + bytes.length);
  frame.fill(0, 0, 8);
  frame[0] = streams[stream];
  frame.writeUInt32BE(bytes.length, 4);
  frame.set(bytes, 8);
  return frame;
}

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
export const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';

/** Older clients know one name for both. */
export function streamType({ tty, version }: { tty: boolean; version: number }): string {
  return tty || version < 1042 ? RAW_STREAM : MULTIPLEXED_STREAM;
}
