import assert from 'node:assert/strict';
import { test } from 'node:test';
import { humanDuration, nanosecondsFromDuration } from './durations.ts';
import { binarySize, bytesFromSize, decimalSize, significant } from './sizes.ts';

test('bytesFromSize() reads suffixes as powers of 1024', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['100', 100],
    ['32b', 32],
    ['1k', 1024],
    ['512M', 512 * 1024 ** 2],
    ['1.5 GiB', 1.5 * 1024 ** 3],
    ['2tb', 2 * 1024 ** 4],
  ];
  for (const [text, bytes] of cases) assert.equal(bytesFromSize(text), bytes, text);
});

test('bytesFromSize() rejects what is no size', () => {
  for (const text of ['', '-1', '1x', 'm', '1.', '1 000', '9p9', '1e3', '99999999p'])
    assert.throws(() => bytesFromSize(text), /invalid size/, text);
});

test('decimalSize() and binarySize() print as Docker does', () => {
  assert.equal(decimalSize(0), '0B');
  assert.equal(decimalSize(999), '999B');
  assert.equal(decimalSize(1000), '1kB');
  assert.equal(decimalSize(12_345_678), '12.3MB');
  assert.equal(decimalSize(1_110_000), '1.11MB');
  assert.equal(decimalSize(999_900), '1e+03kB');
  assert.equal(binarySize(2_096_000_000), '1.952GiB');
  assert.equal(binarySize(0), '0B');
});

test('significant() prints as "%.3g"', () => {
  assert.equal(significant(0, 3), '0');
  assert.equal(significant(0.5, 3), '0.5');
  assert.equal(significant(1234.5, 4), '1234');
  assert.equal(significant(123456, 3), '1.23e+05');
  assert.equal(significant(1.0625, 4), '1.062');
  assert.equal(significant(1.0635, 4), '1.064');
});

test('humanDuration() uses one unit and Docker’s limits between them', () => {
  const hour = 3600;
  const cases: [number, string][] = [
    [0.9, 'Less than a second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [60, 'About a minute'],
    [120, '2 minutes'],
    [hour, 'About an hour'],
    [1.5 * hour, '2 hours'],
    [47 * hour, '47 hours'],
    [48 * hour, '2 days'],
    [14 * 24 * hour, '2 weeks'],
    [60 * 24 * hour, '2 months'],
    [731 * 24 * hour, '2 years'],
  ];
  for (const [seconds, text] of cases) assert.equal(humanDuration(seconds), text);
});

test('nanosecondsFromDuration() reads Go’s durations', () => {
  assert.equal(nanosecondsFromDuration('1h30m'), 5400e9);
  assert.equal(nanosecondsFromDuration('1.5s'), 1.5e9);
  assert.equal(nanosecondsFromDuration('300ms'), 3e8);
  assert.equal(nanosecondsFromDuration('-2us'), -2000);
  assert.equal(nanosecondsFromDuration('0'), 0);
  for (const text of ['', '1', 's', '1s2', '1 s', '1d'])
    assert.throws(() => nanosecondsFromDuration(text), /invalid duration/, text);
});
