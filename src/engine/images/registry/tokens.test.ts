import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpClient, retryAfter } from './http.ts';
import { parseChallenges, Tokens } from './tokens.ts';

test('parseChallenges() reads schemes with quoted, bare and no parameters', () => {
  assert.deepEqual(
    parseChallenges('Bearer realm="https://auth.example/token",service="reg, with comma",scope="repository:a:pull"'),
    [
      {
        scheme: 'bearer',
        parameters: { realm: 'https://auth.example/token', service: 'reg, with comma', scope: 'repository:a:pull' },
      },
    ],
  );
  assert.deepEqual(
    parseChallenges('Basic realm="a \\"b\\"", Bearer realm=x').map(({ scheme }) => scheme),
    ['basic', 'bearer'],
  );
  assert.deepEqual(parseChallenges('Negotiate'), [{ scheme: 'negotiate', parameters: {} }]);
  assert.deepEqual(parseChallenges(''), []);
});

test('retryAfter() takes seconds and dates', () => {
  assert.equal(retryAfter('3'), 3000);
  assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 4000), 6000);
  assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 20000), 0);
  assert.equal(retryAfter('soon'), 0);
  assert.equal(retryAfter(undefined), 0);
});

test('credentials go unencrypted to this machine and the registry itself, no token server beyond', async () => {
  using http = new HttpClient();
  const tokens = new Tokens(http);
  const credentials = { username: 'user', password: 'word' };
  const answer = (realm: string, from: string) => {
    const challenges = [{ scheme: 'bearer', parameters: { realm } }];
    return tokens.answer(challenges, { scope: 'repository:a:pull', credentials, origin: new URL(from) });
  };
  const refused = { kind: 'denied', message: /not encrypted$/ };
  await assert.rejects(answer('http://auth.example/token', 'http://127.0.0.1:5000'), refused);
  await assert.rejects(answer('http://reg.example/token', 'https://reg.example'), refused);
  await assert.rejects(answer('http://127.0.0.1:1/token', 'https://reg.example'), refused);
  await assert.rejects(answer('http://127.0.0.1:1/token', 'http://127.0.0.1:5000'), { code: 'ECONNREFUSED' });
  await assert.rejects(answer('token', 'http://127.0.0.1:5000'), /is "token": that is no address/);
});
