import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InitOptions, parseInit } from './options.ts';

const parse = (line: string, variables: Record<string, string> = {}) =>
  parseInit(`proa-init ${line}`.trim().split(' '), (name) => variables[name]) as InitOptions;

test('parseInit() finds the program after the options, and takes none of its own', () => {
  assert.equal(parse('true -s').program, 1);
  assert.equal(parse('-s -- -odd').program, 3);
  assert.equal(parse('-s - x').program, 2);
  assert.equal(parse('true -g').group, false);
});

test('parseInit() takes letters together and values with or without a space', () => {
  const options = parse('-sgv -pKILL -e 3 -e255 -v true');
  assert.deepEqual([options.subreaper, options.group, options.verbosity], [true, true, 3]);
  assert.equal(options.parentDeathSignal, 9);
  assert.deepEqual([...options.expected], [3, 255]);
  assert.equal(options.program, 7);
  assert.equal(parse('-p SIGTERM true').parentDeathSignal, 15);
});

test("parseInit() takes tini's variables", () => {
  const options = parse('true', { TINI_SUBREAPER: '', TINI_KILL_PROCESS_GROUP: '1', TINI_VERBOSITY: '0' });
  assert.deepEqual([options.subreaper, options.group, options.verbosity], [true, true, 0]);
  assert.equal(parse('true').verbosity, 1);
});

test('parseInit() prints version and help', () => {
  assert.match((parseInit(['x', '--version'], () => undefined) as { text: string }).text, /version/);
  assert.match((parseInit(['x', '-h'], () => undefined) as { text: string }).text, /Usage/);
});

test('parseInit() refuses what it does not know', () => {
  assert.throws(() => parse(''), /no program/);
  assert.throws(() => parse('-s'), /no program/);
  assert.throws(() => parse('-s --'), /no program/);
  assert.throws(() => parse('-q true'), /unknown option "-q"/);
  assert.throws(() => parse('--version true'), /unknown option "--?/);
  for (const value of ['256', '-1', 'x', '1.5']) assert.throws(() => parse(`-e ${value} true`), /option -e/);
  for (const value of ['9', 'FOO', 'SIG']) assert.throws(() => parse(`-p ${value} true`), /option -p/);
  assert.throws(() => parse('-e'), /needs a value/);
});
