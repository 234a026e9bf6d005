import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterFlag, filters, fitsLabels, flag, integer, moment, readQuery, required } from './query.ts';

const read = <T>(parameter: (values: string[], name: string) => T, ...values: string[]) => parameter(values, 'p');

test('flag() is Docker’s', () => {
  for (const value of ['1', 'true', 'True', 'x']) assert.equal(read(flag(), value), true);
  for (const value of ['', '0', 'no', 'false', 'False', 'none']) assert.equal(read(flag(), value), false);
  assert.equal(read(flag(true)), true);
});

test('integer() names what is wrong', () => {
  assert.equal(read(integer(), '7'), 7);
  assert.equal(read(integer()), undefined);
  for (const value of ['x', '1.5', '-1', '1e3'])
    assert.throws(() => read(integer(), value), /bad parameter: p: expected an integer/);
});

test('moment() takes seconds with a fraction and RFC 3339', () => {
  assert.equal(read(moment, '1.5'), 1_500_000_000n);
  assert.equal(read(moment, '1700000000.123456789'), 1_700_000_000_123_456_789n);
  assert.equal(read(moment, '1970-01-01T00:00:01.25Z'), 1_250_000_000n);
  assert.equal(read(moment, '0'), undefined);
  assert.throws(() => read(moment, 'yesterday'), /expected a time/);
});

test('filters() takes lists and objects, and refuses names that a list does not know', () => {
  const known = filters('label', 'name');
  assert.deepEqual(read(known, '{"label":["a","b=1"]}'), { label: ['a', 'b=1'] });
  assert.deepEqual(read(known, '{"label":{"a":true,"b":false}}'), { label: ['a'] });
  assert.deepEqual(read(known), {});
  assert.throws(() => read(known, '{"color":["red"]}'), /invalid filter 'color'/);
  for (const wrong of ['[]', '{"label":1}', '7']) assert.throws(() => read(known, wrong), /invalid filter/);
  assert.throws(() => read(known, '{'), /bad parameter: p/);
});

test('filterFlag() and fitsLabels() decide what a list shows', () => {
  assert.equal(filterFlag(['true'], 'x'), true);
  assert.equal(filterFlag(['0'], 'x'), false);
  assert.equal(filterFlag(undefined, 'x'), undefined);
  assert.throws(() => filterFlag(['maybe'], 'x'), /invalid filter 'x=\[maybe\]'/);
  assert.equal(fitsLabels({ a: '1' }, ['a', 'a=1']), true);
  assert.equal(fitsLabels({ a: '1' }, ['a=2']), false);
  assert.equal(fitsLabels(undefined, ['constructor']), false);
});

test('readQuery() reads what its table says', () => {
  assert.deepEqual(readQuery({ all: flag(), name: required }, new URLSearchParams('all=1&name=x&other=y')), {
    all: true,
    name: 'x',
  });
  assert.throws(() => readQuery({ name: required }, new URLSearchParams('')), /name is missing/);
});
