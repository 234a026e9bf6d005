import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '#sys/bytes.ts';
import { door } from '#sys/door.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { alignColumns } from './columns.ts';
import type { Listing } from './listing.ts';
import { portsText } from './ports.ts';
import { formatItem, listText } from './templates.ts';
import { localTimestamp, secondsOf, shorten, shortId } from './text.ts';

/** These need the host, and so run inside the binary alone. */
const inBinary = (name: string, body: () => void | Promise<void>) => door !== undefined && test(name, body);

test('alignColumns() makes columns as wide as their widest cell and 3, and at least 10', () => {
  assert.equal(
    alignColumns('A\tB\tC\nlonger-than-ten\tx\ty'),
    `A                 B         C\nlonger-than-ten   x         y`,
  );
  assert.equal(alignColumns('é\tB'), 'é         B');
  assert.equal(alignColumns('alone'), 'alone');
  // A column ends where a line has no such cell.
  assert.equal(alignColumns('a\tb\nshort\nlonger-than-ten\tc'), 'a         b\nshort\nlonger-than-ten   c');
});

const listing: Listing<{ id: string; size: number }> = {
  usual: ['ID'],
  label: (_, name) => `label ${name}`,
  columns: {
    Size: { header: 'SIZE', value: ({ size }) => size },
    ID: { header: 'IDENTIFIER', value: ({ id }) => id },
  },
};
const items = [
  { id: 'a', size: 1 },
  { id: 'b', size: 2 },
];

test('listText() fills in a template for each item', () => {
  assert.equal(listText(items, listing, '{{.ID}}:{{.Size}}'), 'a:1\nb:2\n');
  assert.equal(
    listText(items, listing, 'table {{.ID}}\\t{{.Size}}'),
    'IDENTIFIER   SIZE\na            1\nb            2\n',
  );
  assert.equal(listText(items, listing, 'json'), '{"ID":"a","Size":1}\n{"ID":"b","Size":2}\n');
  assert.equal(listText(items.slice(0, 1), listing, '{{json .}} {{.Label "x"}}'), '{"ID":"a","Size":1} label x\n');
  assert.throws(() => listText(items, listing, '{{.Nosuch}}'), /can't evaluate field Nosuch/);
});

test('formatItem() finds fields by the names of Go, and none that are not there', () => {
  const item = { Id: 'x', Config: { Labels: { a: 'b' } } };
  assert.equal(formatItem(item, '{{.ID}} {{.Id}} {{.Config.Labels.nothing}}'), 'x x <no value>');
  assert.throws(() => formatItem(item, '{{.Nosuch}}'), /map has no entry for key "Nosuch"/);
  assert.equal(
    formatItem({ Binds: null, Labels: null, Init: null }, '{{.Binds}} {{.Labels}} {{.Init}} {{json .Binds}}'),
    '[] map[] <nil> null',
  );
  assert.equal(formatItem(item, 'json'), '{"Id":"x","Config":{"Labels":{"a":"b"}}}');
});

test('portsText() joins neighbours', () => {
  const port = (PrivatePort: number, PublicPort?: number, IP?: string) => ({
    PrivatePort,
    Type: 'tcp',
    ...(PublicPort && { PublicPort }),
    ...(IP && { IP }),
  });
  assert.equal(portsText([port(80), port(81), port(90)]), '80-81/tcp, 90/tcp');
  assert.equal(portsText([port(80, 8080, '0.0.0.0'), port(443)]), '443/tcp, 0.0.0.0:8080->80/tcp');
  assert.equal(portsText([port(80, 80, '::'), port(81, 81, '::')]), '[::]:80-81->80-81/tcp');
  assert.equal(portsText([]), '');
});

test('texts are shortened, times read and printed', () => {
  assert.equal(shorten('abcdef', 4), 'abc…');
  assert.equal(shorten('abcd', 4), 'abcd');
  assert.equal(shortId(`sha256:${'a'.repeat(64)}`), 'a'.repeat(12));
  assert.equal(secondsOf('2026-01-02T03:04:05.5Z'), 1767323045.5);
  assert.ok(Number.isNaN(secondsOf('0001-01-01T00:00:00Z')));
  assert.match(localTimestamp(1767323045_000000007n), /^20\d\d-\d\d-\d\dT\d\d:\d\d:05\.000000007(Z|[+-]\d\d:\d\d)$/);
});

inBinary('base64 is what RFC 4648 says', () => {
  for (const [text, code] of [
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
  ] as const) {
    assert.equal(encodeBase64(utf8(text)), code);
    assert.deepEqual([...decodeBase64(code)], [...utf8(text)]);
  }
  assert.equal(encodeBase64(new Uint8Array([0xfb, 0xff]), 'url'), '-_8=');
  assert.throws(() => decodeBase64('a'), /base64/);
  assert.throws(() => decodeBase64('%%%%'), /base64/);
});
