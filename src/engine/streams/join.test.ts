import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { join } from './join.ts';

/** One end of a connection, and what was written to it. */
function end(): { stream: Duplex; written: string[] } {
  const written: string[] = [];
  const stream = new Duplex({
    read() {},
    write(bytes, _encoding, done) {
      written.push(String(bytes));
      done();
    },
  });
  return { stream, written };
}

test('join() passes on both ways, and ends each half by itself', async () => {
  const [client, program] = [end(), end()];
  join(client.stream, program.stream);
  client.stream.push('in');
  client.stream.push(null);
  await once(program.stream, 'finish');
  program.stream.push('out');
  program.stream.push(null);
  await once(client.stream, 'finish');
  assert.deepEqual([program.written, client.written], [['in'], ['out']]);
});

test('join() ends the client of a program that has ended without a word', { timeout: 5000 }, async () => {
  const [client, program] = [end(), end()];
  program.stream.push(null);
  program.stream.read(0);
  await once(program.stream, 'end');
  join(client.stream, program.stream);
  await once(client.stream, 'finish');
});

test('join() leaves the program of a client that has gone', { timeout: 5000 }, async () => {
  const [client, program] = [end(), end()];
  client.stream.destroy();
  await once(client.stream, 'close');
  join(client.stream, program.stream);
  await once(program.stream, 'close');
});
