import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interfaceStats } from './stats.ts';

test('interfaceStats() reads names with and without a space after the colon', () => {
  const table = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo: 100 2 0 0 0 0 0 0 100 2 0 0 0 0 0 0',
    '  eth0:5 6 7 8 0 0 0 0 9 10 11 12 0 0 0 0',
    '',
  ].join('\n');
  const [lo, eth0] = interfaceStats(table);
  assert.equal(lo?.name, 'lo');
  assert.deepEqual(eth0, {
    name: 'eth0',
    receivedBytes: 5,
    receivedPackets: 6,
    receivedErrors: 7,
    receivedDropped: 8,
    sentBytes: 9,
    sentPackets: 10,
    sentErrors: 11,
    sentDropped: 12,
  });
  assert.deepEqual(interfaceStats(''), []);
});
