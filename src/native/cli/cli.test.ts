import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalog, findCommand } from './catalog.ts';
import { HelpWanted } from './failures.ts';
import { parseWords } from './parse.ts';

const options = {
  detach: { kind: 'flag', short: 'd', help: '' },
  env: { kind: 'list', short: 'e', help: '' },
  interactive: { kind: 'flag', short: 'i', help: '' },
  memory: { kind: 'bytes', short: 'm', help: '' },
  name: { kind: 'text', help: '' },
  pull: { kind: 'text', help: '', default: 'missing' },
  retries: { kind: 'integer', help: '' },
  'sig-proxy': { kind: 'flag', help: '', default: true },
  tty: { kind: 'flag', short: 't', help: '' },
  wait: { kind: 'duration', help: '' },
} as const;

const parse = (...words: string[]) => parseWords({ options, endsOptions: true }, words);

test('parseWords() reads every spelling of an option', () => {
  const {
    options: found,
    words,
    given,
  } = parse(
    '-it',
    '-e',
    'A=B',
    '-eC=D',
    '-e=E',
    '--env=F',
    '--env',
    'G',
    '--name=x',
    '-m512m',
    'image',
    '-d',
    '--name',
  );
  assert.deepEqual(found.env, ['A=B', 'C=D', 'E', 'F', 'G']);
  assert.equal(found.interactive && found.tty, true);
  assert.equal(found.detach, false);
  assert.equal(found.name, 'x');
  assert.equal(found.memory, 512 * 1024 * 1024);
  assert.deepEqual(words, ['image', '-d', '--name']);
  assert.deepEqual([...given].sort(), ['env', 'interactive', 'memory', 'name', 'tty']);
});

test('parseWords() gives defaults, takes flags back, and reads options behind words where they do not end', () => {
  assert.equal(parse('x').options['sig-proxy'], true);
  assert.equal(parse('--sig-proxy=false', 'x').options['sig-proxy'], false);
  assert.equal(parse('x').options.pull, 'missing');
  assert.equal(parse('x').options.retries, undefined);
  const mixed = parseWords({ options }, ['a', '-d', 'b', '--', '-t']);
  assert.deepEqual([mixed.options.detach, mixed.options.tty, mixed.words], [true, false, ['a', 'b', '-t']]);
  assert.deepEqual(parse('--', '-d').words, ['-d']);
  assert.equal(parse('--wait', '1m30s').options.wait, 90e9);
  assert.deepEqual(parse('-').words, ['-']);
});

test('parseWords() names the option that is wrong', () => {
  const cases: [string[], RegExp][] = [
    [['--nosuch'], /unknown flag: --nosuch/],
    [['-x'], /unknown shorthand flag: 'x' in -x/],
    [['-ix'], /unknown shorthand flag: 'x' in -ix/],
    [['--name'], /flag needs an argument: --name/],
    [['-e'], /flag needs an argument: 'e' in -e/],
    [['-m', 'abc'], /invalid argument "abc" for "-m, --memory" flag: invalid size/],
    [['--retries', '1.5'], /invalid argument "1.5" for "--retries" flag/],
    [['--detach=maybe'], /invalid argument "maybe" for "-d, --detach" flag/],
    [['--wait', 'soon'], /invalid argument "soon" for "--wait" flag/],
    [['---x'], /bad flag syntax/],
  ];
  for (const [words, message] of cases) assert.throws(() => parse(...words), message, words.join(' '));
  assert.throws(() => parse('--help'), HelpWanted);
  assert.throws(() => parse('-h'), HelpWanted);
});

test('findCommand() knows the short and the long forms', () => {
  for (const [line, file] of [
    [['ps'], 'ps'],
    [['container', 'ls'], 'container ls'],
    [['image', 'rm', 'x'], 'image rm'],
    [['volume', 'create'], 'volume create'],
  ] as const)
    assert.equal(findCommand(line)?.name, file);
  assert.equal(findCommand(['nosuch']), undefined);
  assert.equal(findCommand(['container']), undefined);
  assert.equal(findCommand(['ls']), undefined);
  assert.equal(findCommand(['constructor']), undefined);
});

test('every command is whole: its options are well declared, and no name is given twice', () => {
  const names = new Set<string>();
  for (const entry of catalog()) {
    const command = entry.load();
    for (const name of entry.names) {
      assert.ok(!names.has(name), name);
      names.add(name);
    }
    const shorts = Object.values(command.options).flatMap(({ short }) => (short ? [short] : []));
    assert.equal(new Set(shorts).size, shorts.length, entry.names[0]);
    for (const [name, option] of Object.entries(command.options)) {
      assert.match(name, /^[a-z][a-z0-9-]+$/);
      assert.ok(option.help !== '', `${entry.names[0]} --${name}`);
    }
    assert.ok(command.summary !== '');
  }
});
