import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryAfter } from './http.ts';
import { parseChallenges } from './tokens.ts';

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
