import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from '../../../images/reference/parse.ts';
import { CredentialFile } from '../../../images/registry/credentials.ts';
import { RegistryRules } from '../../../images/registry/hosts.ts';
import { putRandom, World } from '../../../images/transfer/fixture.ts';
import { pullImage } from '../../../images/transfer/pull.ts';
import { registryClient } from './registry.ts';

const basic = `Basic ${Buffer.from('user:word').toString('base64')}`;
const headerOf = (value: object) => ({
  headers: { 'x-registry-auth': Buffer.from(JSON.stringify(value)).toString('base64url') },
});

/** A registry that asks for `challenge`, and what it was told. */
async function asking(world: World, challenge: string, accepted: string) {
  const { host, store } = await world.registry();
  await store.names.set('app:1', await putRandom(store, 'amd64'));
  const told = new Set<string | undefined>();
  const address = await world.proxy(host, ({ headers: { authorization } }, response) => {
    told.add(authorization);
    if (authorization === accepted) return false;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  });
  return { address, told };
}

const basicOf = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

test('what a caller gives for a registry goes to it alone, and mirrors have credentials of their own', async () => {
  await using world = new World();
  const own = await asking(world, 'Basic realm="a"', basic);
  const mirror = await asking(world, 'Basic realm="a"', 'nobody');
  const elsewhere = new CredentialFile({
    auths: {
      [mirror.address]: { username: 'mirror', password: 'word' },
      // The caller says who he is there.
      [own.address]: { username: 'engine', password: 'word' },
    },
  });
  const rules = RegistryRules.parse(`
[[registry]]
location = "${own.address}"
[[registry.mirror]]
location = "${mirror.address}"
`);
  const reference = parseReference(`${own.address}/app:1`);
  const request = headerOf({ Username: 'user', Password: 'word', ServerAddress: `https://${own.address}/v1/` });
  using client = registryClient(request, reference, { signal: new AbortController().signal, elsewhere });
  await pullImage(reference, { client, store: await world.store(), rules });
  assert.deepEqual([...mirror.told], [undefined, basicOf('mirror:word')]);
  assert.deepEqual([...own.told], [undefined, basic]);
});

test('a registry token is used as it is', async () => {
  await using world = new World();
  const own = await asking(world, 'Bearer realm="https://nowhere.invalid/token"', 'Bearer as.it.is');
  const reference = parseReference(`${own.address}/app:1`);
  using client = registryClient(headerOf({ registrytoken: 'as.it.is' }), reference, new AbortController());
  await pullImage(reference, { client, store: await world.store(), rules: RegistryRules.none });
  assert.deepEqual([...own.told], [undefined, 'Bearer as.it.is']);
});

test('registryClient() refuses credentials of another registry, and what no header can hold', () => {
  const { signal } = new AbortController();
  const given = { username: 'user', password: 'word', serveraddress: 'other.example' };
  const of = (value: object, name: string) => () =>
    registryClient(headerOf(value), parseReference(name), { signal })[Symbol.dispose]();
  assert.throws(of(given, 'debian'), /serveraddress: expected the registry "docker.io", got "other.example"/);
  assert.throws(of({ registrytoken: 'a\r\nb: c' }, 'debian'), /X-Registry-Auth.registrytoken: expected a token/);
  of({ ...given, serveraddress: 'https://index.docker.io/v1/' }, 'debian')();
  of({ serveraddress: 'other.example' }, 'debian')();
  of(given, 'other.example/a')();
});
