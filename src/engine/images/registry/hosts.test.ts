import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../content/fixture.ts';
import { parseReference, referenceText } from '../reference/parse.ts';
import { RegistryRules } from './hosts.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const rules = RegistryRules.parse(`
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.example:5000/hub"
insecure = true
[[registry.mirror]]
location = "digests.example"
pull-from-mirror = "digest-only"
[[registry]]
prefix = "docker.io/library/secret"
blocked = true
[[registry]]
prefix = "*.corp.example"
insecure = true
[[registry]]
prefix = "old.example/team"
location = "new.example/moved"
[aliases]
"fedora" = "registry.fedoraproject.org/fedora"
`);

const places = (text: string) => rules.endpointsFor(parseReference(text)).map(({ host, path }) => `${host}/${path}`);

test('endpointsFor() gives mirrors first, those for digests only where there is one', () => {
  assert.deepEqual(places('debian:12'), ['mirror.example:5000/hub/library/debian', 'docker.io/library/debian']);
  assert.deepEqual(places(`debian@${digest}`), [
    'mirror.example:5000/hub/library/debian',
    'digests.example/library/debian',
    'docker.io/library/debian',
  ]);
});

test('endpointsFor() takes the longest prefix, moves locations, and knows hosts by wildcard', () => {
  assert.throws(() => places('secret'), /registry "docker.io\/library\/secret" is blocked/);
  assert.deepEqual(places('old.example/team/app'), ['new.example/moved/app']);
  assert.deepEqual(places('old.example/teamwork/app'), ['old.example/teamwork/app']);
  assert.equal(rules.endpointsFor(parseReference('a.corp.example/x'))[0]?.insecure, true);
  assert.equal(rules.endpointsFor(parseReference('corp.example/x'))[0]?.insecure, false);
  assert.equal(rules.endpointsFor(parseReference('127.0.0.1:5000/x'))[0]?.insecure, true);
});

test('reference() resolves short names of aliases, whole and as they are written', () => {
  const named = (text: string) => referenceText(rules.reference(text));
  assert.equal(named('fedora'), 'registry.fedoraproject.org/fedora');
  assert.equal(named('fedora:39'), 'registry.fedoraproject.org/fedora:39');
  assert.equal(named(`fedora@${digest}`), `registry.fedoraproject.org/fedora@${digest}`);
  assert.equal(named('docker.io/library/fedora'), 'docker.io/library/fedora');
  assert.equal(named('user/fedora'), 'docker.io/user/fedora');
  assert.equal(named('constructor'), 'docker.io/library/constructor');
  const wrong = RegistryRules.parse('[aliases]\na = "b.example/a:1"');
  assert.throws(() => wrong.reference('a'), /aliases.a: expected a name without tag and digest/);
});

test('files beside the first add to it, in the order of their names', async () => {
  using place = temporaryDirectory();
  const path = join(place.path, 'registries.conf');
  assert.deepEqual((await RegistryRules.read(path)).endpointsFor(parseReference('a')).length, 1);
  const write = (name: string, text: string) => writeFileSync(join(`${path}.d`, name), text);
  mkdirSync(`${path}.d`);
  write('20-b.conf', '[[registry]]\nlocation = "a.example"\nblocked = true\n[aliases]\na = "b.example/a"');
  write(
    '10-a.conf',
    '[[registry]]\nprefix = "a.example"\nlocation = "c.example"\n[aliases]\na = ""\nb = "c.example/b"',
  );
  write('30-c.other', 'no TOML');
  const before = await RegistryRules.read(path);
  assert.throws(() => before.endpointsFor(parseReference('a.example/x')), /is blocked/);
  assert.equal(referenceText(before.reference('a')), 'b.example/a');
  writeFileSync(path, '[[registry]]\nlocation = "d.example"\ninsecure = true');
  write('30-c.conf', '[[registry]]\nlocation = "a.example"\ninsecure = true');
  const after = await RegistryRules.read(path);
  assert.equal(after.endpointsFor(parseReference('a.example/x'))[0]?.insecure, true);
  assert.equal(after.endpointsFor(parseReference('d.example/x'))[0]?.insecure, true);
  assert.equal(referenceText(after.reference('b')), 'c.example/b');
  write('30-c.conf', 'wrong = 1');
  await assert.rejects(RegistryRules.read(path), /registries.conf.d\/30-c.conf.wrong: there is no such key/);
});

test('RegistryRules.parse() names what is wrong', () => {
  assert.throws(() => RegistryRules.parse('[[registry'), /registries.conf is no TOML/);
  assert.throws(() => RegistryRules.parse('[[registry]]\nblocked = "yes"'), /registries.conf\.registry\[0\]\.blocked/);
  assert.throws(
    () => RegistryRules.parse('[[registry]]\nblocke = true'),
    /registry\[0\]\.blocke: there is no such key/,
  );
  const mirror = '[[registry]]\nlocation = "a"\n[[registry.mirror]]\nlocation = "b"\ninsecur = true';
  assert.throws(() => RegistryRules.parse(mirror), /registry\[0\]\.mirror\[0\]\.insecur: there is no such key/);
  const old = { kind: 'unsupported', message: /registries.conf.registries: tables of version 1 are not read/ };
  assert.throws(() => RegistryRules.parse('[registries.block]\nregistries = ["a.example"]'), old);
  const unused =
    'unqualified-search-registries = ["a.example"]\ncredential-helpers = ["b"]\nshort-name-mode = "enforcing"';
  const named = ['unqualified-search-registries', 'short-name-mode', 'credential-helpers'];
  assert.deepEqual(RegistryRules.parse(unused).withoutEffect, named);
  assert.deepEqual(rules.withoutEffect, []);
});
