import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familiarText, parseReference, referenceText, withDefaultTag } from './parse.ts';

const digest = `sha256:${'a'.repeat(64)}`;

const good: [text: string, full: string, familiar: string][] = [
  ['debian', 'docker.io/library/debian', 'debian'],
  ['debian:12', 'docker.io/library/debian:12', 'debian:12'],
  ['library/debian', 'docker.io/library/debian', 'debian'],
  ['index.docker.io/debian', 'docker.io/library/debian', 'debian'],
  ['docker.io/user/app', 'docker.io/user/app', 'user/app'],
  ['user/app:v1', 'docker.io/user/app:v1', 'user/app:v1'],
  ['localhost/app', 'localhost/app', 'localhost/app'],
  ['localhost:5000/a/b/c:x', 'localhost:5000/a/b/c:x', 'localhost:5000/a/b/c:x'],
  ['example.com/app', 'example.com/app', 'example.com/app'],
  ['EXAMPLE/app', 'EXAMPLE/app', 'EXAMPLE/app'],
  ['[2001:db8::1]:443/app:1', '[2001:db8::1]:443/app:1', '[2001:db8::1]:443/app:1'],
  ['192.0.2.1:80/app', '192.0.2.1:80/app', '192.0.2.1:80/app'],
  [`debian@${digest}`, `docker.io/library/debian@${digest}`, `debian@${digest}`],
  [`debian:12@${digest}`, `docker.io/library/debian:12@${digest}`, `debian:12@${digest}`],
  ['a/b__c/d---e/f.g_h', 'docker.io/a/b__c/d---e/f.g_h', 'a/b__c/d---e/f.g_h'],
  [`a@sha512:${'0'.repeat(128)}`, `docker.io/library/a@sha512:${'0'.repeat(128)}`, `a@sha512:${'0'.repeat(128)}`],
  [`a@blake3+x:${'0'.repeat(32)}`, `docker.io/library/a@blake3+x:${'0'.repeat(32)}`, `a@blake3+x:${'0'.repeat(32)}`],
  [`a:${'t'.repeat(128)}`, `docker.io/library/a:${'t'.repeat(128)}`, `a:${'t'.repeat(128)}`],
];

test('parseReference() completes short names, and both texts lead back', () => {
  for (const [text, full, familiar] of good) {
    const reference = parseReference(text);
    assert.equal(referenceText(reference), full);
    assert.equal(familiarText(reference), familiar);
    assert.deepEqual(parseReference(full), reference);
    assert.deepEqual(parseReference(familiar), reference);
  }
});

test('parseReference() refuses what the grammar does not know, and says which part', () => {
  const bad: [string, RegExp][] = [
    ['', /is empty/],
    ['a'.repeat(64), /image ID/],
    ['Debian', /lower case/],
    ['docker.io/User/app', /lower case/],
    ['debian:', /"" is no tag/],
    ['debian:-x', /"-x" is no tag/],
    [`debian:${'t'.repeat(129)}`, /is no tag/],
    ['debian@sha256:12', /"sha256:12" is no digest/],
    [`debian@sha256:${'A'.repeat(64)}`, /is no digest/],
    [`debian@sha256:${'a'.repeat(63)}`, /is no digest/],
    ['a//b', /is no repository/],
    ['/a', /is no repository/],
    ['a/', /is no repository/],
    ['a/-b', /is no repository/],
    ['a/b___c', /is no repository/],
    ['../../etc/passwd', /is no/],
    ['-host.example/a', /is no host/],
    ['host:99999/a', /is no host/],
    ['https://example.com/a', /is no/],
    [`${'a/'.repeat(130)}a`, /at most 255/],
    ['a b', /is no repository/],
    ['a\u0000', /is no repository/],
  ];
  for (const [text, message] of bad) assert.throws(() => parseReference(text), message, text);
});

test('withDefaultTag() adds latest where nothing says which', () => {
  assert.equal(referenceText(withDefaultTag(parseReference('debian'))), 'docker.io/library/debian:latest');
  assert.equal(withDefaultTag(parseReference('debian:12')).tag, '12');
  assert.equal(withDefaultTag(parseReference(`debian@${digest}`)).tag, undefined);
});
