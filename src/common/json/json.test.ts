import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProaError } from '#common/errors.ts';
import { parseExactly } from './exact.ts';
import { parseJson } from './parse.ts';
import { stringifyJson } from './stringify.ts';

const valid = [
  'null',
  ' true ',
  '"a\\u0041\\n\\"\\\\ü😀\\ud83d"',
  '-0.5e-3',
  '1234567890123456',
  '{"a":[1,{"b":[]},{}],"a":2,"constructor":{"__proto__":[]}}',
  '\t{ "x" : [ 1 , 2 ] }\r\n',
  '[1e400, 123456789012345.75, 1E2]',
  '["", "\\/\\b\\f\\r\\t"]',
];

test('parseExactly() reads as JSON.parse does', () => {
  for (const text of valid) {
    assert.deepEqual(parseExactly(text), JSON.parse(text), text);
    assert.deepEqual(parseExactly(text, true), JSON.parse(text), text);
    assert.deepEqual(parseJson(text), JSON.parse(text), text);
  }
});

test('parseJson() keeps 64-bit integers', () => {
  const text =
    '{"hard": 18446744073709551615, "least":-9223372036854775808, "safe": 9007199254740991, "id": "12345678901234567890"}';
  assert.deepEqual(parseJson(text), {
    hard: 18446744073709551615n,
    least: -9223372036854775808n,
    safe: 9007199254740991,
    id: '12345678901234567890',
  });
  assert.deepEqual(parseJson('9007199254740993'), 9007199254740993n);
  assert.deepEqual(parseJson(`[${'9'.repeat(5000)}]`), [Number.POSITIVE_INFINITY]);
  for (let shift = 0; shift < 17; shift++) {
    assert.deepEqual(parseJson(`${' '.repeat(shift)}[9007199254740993]`), [9007199254740993n]);
  }
});

test('parseJson() makes a plain field of "__proto__"', () => {
  for (const text of ['{"__proto__": {"path": 1}}', '{"__proto__": {"path": 1}, "n": 12345678901234567890}']) {
    const value = parseJson(text) as Record<string, unknown>;
    assert.equal(Object.hasOwn(value, '__proto__'), true);
    assert.equal(value['path'], undefined);
  }
});

const wrong: [text: string, message: string][] = [
  ['', 'line 1, column 1: expected a value, got the end of the text'],
  ['{]', 'line 1, column 2: expected a key in quotes, got "]"'],
  ['{"a" 1}', 'line 1, column 6: expected ":", got "1"'],
  ['{\n  "a": 1,\n}', 'line 3, column 1: expected a key in quotes, got "}"'],
  ['[1,\n 2 3]', 'line 2, column 4: expected "," or "]", got "3"'],
  ['[1,]', 'line 1, column 4: expected a value, got "]"'],
  ['{"a": 1', 'line 1, column 8: expected "," or "}", got the end of the text'],
  ['{} x', 'line 1, column 4: expected the end, got "x"'],
  ['nul', 'line 1, column 1: expected a value, got "n"'],
  ['"abc', 'line 1, column 5: expected the rest of a string, got the end of the text'],
  ['"a\nb"', 'line 1, column 3: expected the rest of a string, got "\\n"'],
  ['"a\\x"', 'line 1, column 4: expected an escape such as \\n, got "x"'],
  ['"\\u12g4"', 'line 1, column 2: expected an escape such as \\u000a, got "\\\\"'],
  ['01', 'line 1, column 2: expected the end, got "1"'],
  ['[.5]', 'line 1, column 2: expected a value, got "."'],
  ["{'a': 1}", 'line 1, column 2: expected a key in quotes, got "\'"'],
  ['[NaN]', 'line 1, column 2: expected a value, got "N"'],
];

test('parseJson() names line and column of a fault', () => {
  for (const [text, message] of wrong) {
    assert.throws(
      () => parseJson(text),
      (error) => error instanceof ProaError && error.kind === 'invalid',
    );
    assert.throws(() => parseJson(text), { message });
  }
});

test('parseExactly() refuses what nests too deep', () => {
  assert.ok(Array.isArray(parseExactly(`${'['.repeat(200)}${']'.repeat(200)}`)));
  assert.throws(() => parseExactly('['.repeat(201)), { message: /^line 1, column 201: more than 200 levels deep/ });
  assert.throws(() => parseJson('[{"a":'.repeat(100_000)), { kind: 'invalid', message: /levels deep/ });
});

test('parseJson() ends every prefix of a document in a value or a ProaError', () => {
  const text = '{"a": [1, -2.5e3, "x\\u0041\\n", true, null, 18446744073709551615], "b": {"c": "d"}}';
  for (let length = 0; length < text.length; length++) {
    assert.throws(() => parseJson(text.slice(0, length)), { name: 'ProaError', kind: 'invalid', message: /^line 1, / });
  }
});

test('stringifyJson() writes as JSON.stringify does, and bigints as integers', () => {
  const plain = { a: [1, 'ü"', null, { b: true }], c: {}, d: [], e: undefined };
  assert.equal(stringifyJson(plain), JSON.stringify(plain));
  assert.equal(stringifyJson(plain, '\t'), JSON.stringify(plain, null, '\t'));
  const long = { ...plain, hard: 18446744073709551615n };
  assert.equal(stringifyJson(long), JSON.stringify({ ...plain, hard: 7 }).replace(/7(?=}$)/, '18446744073709551615'));
  assert.equal(
    stringifyJson(long, '  '),
    JSON.stringify({ ...plain, hard: 7 }, null, '  ').replace(/7(?=\n}$)/, '18446744073709551615'),
  );
  assert.deepEqual(
    parseJson(stringifyJson(long)),
    JSON.parse(stringifyJson(plain).replace(/}$/, ',"hard":0}'), (key, value) => (key === 'hard' ? long.hard : value)),
  );
  assert.equal(stringifyJson([undefined, 1n]), '[null,1]');
});
