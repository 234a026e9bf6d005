import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from '../reference/parse.ts';
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
  assert.equal(rules.alias('fedora'), 'registry.fedoraproject.org/fedora');
  assert.equal(rules.alias('constructor'), undefined);
});

test('RegistryRules.parse() names what is wrong', () => {
  assert.throws(() => RegistryRules.parse('[[registry'), /registries.conf is no TOML/);
  assert.throws(() => RegistryRules.parse('[[registry]]\nblocked = "yes"'), /registries.conf\.registry\[0\]\.blocked/);
});
