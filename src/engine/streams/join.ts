import type { Duplex } from 'node:stream';

/**
 * Joins two connections: what one sends the other gets, each half ends by itself, and the loss of one ends the other.
 * Neither is read faster than the other takes it.
 */
export function join(client: Duplex, program: Duplex): void {
  client.pipe(program);
  program.pipe(client);
  client.on('error', () => program.destroy());
  program.on('error', () => client.destroy());
  client.on('close', () => program.destroy());
  program.on('close', () => {
    // All of its output is on its way; what the client still sends nobody takes.
    client.unpipe(program);
    client.resume();
    if (program.readableEnded) client.end();
    else client.destroy();
  });
}
