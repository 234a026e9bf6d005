import type { Socket } from 'node:net';

export interface SilenceOptions {
  /** Who is listened to, for the message. */
  host: string;
  milliseconds: number;
  /** Whether it is we who let the other side wait: that time does not count. */
  isHeld(): boolean;
  onSilence(error: Error): void;
}

/** The socket tells one part of the time after the other, since it does not tell when it is held. */
const PARTS = 4;

/** Watches that something goes over a socket. The answer ends that. */
export function watchSilence(socket: Socket, { host, milliseconds, isHeld, onSilence }: SilenceOptions): () => void {
  let quiet = 0;
  let before = -1;
  const onPart = () => {
    const bytes = socket.bytesRead + socket.bytesWritten;
    quiet = isHeld() ? 0 : bytes === before ? quiet + 1 : 1;
    before = bytes;
    if (quiet < PARTS) socket.setTimeout(milliseconds / PARTS);
    else
      onSilence(Object.assign(new Error(`${host} says nothing for ${milliseconds / 1000} s`), { code: 'ETIMEDOUT' }));
  };
  socket.on('timeout', onPart);
  socket.setTimeout(milliseconds / PARTS);
  return () => {
    socket.off('timeout', onPart);
    socket.setTimeout(0);
  };
}
