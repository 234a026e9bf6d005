import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe, kindOf, ProaError, remedyOf } from '#common/errors.ts';

test('describe() joins messages from the action to its cause', () => {
  const why = new ProaError('mount(2): EACCES', { kind: 'denied', remedy: 'mount it elsewhere' });
  const what = new ProaError('cannot mount "/data"', { kind: 'internal', cause: why });
  assert.equal(describe(what), 'cannot mount "/data": mount(2): EACCES');
  assert.equal(remedyOf(what), 'mount it elsewhere');
  assert.equal(kindOf(what), 'internal');
});

test('describe() shows plain errors with their class, since they are our own bugs', () => {
  assert.equal(describe(new TypeError('x is not a function')), 'TypeError: x is not a function');
  assert.equal(kindOf(new TypeError('x')), 'internal');
});
