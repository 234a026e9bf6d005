import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operation } from './operation.ts';
import { Router } from './router.ts';
import { operations } from './routes/index.ts';

const one = (method: 'GET' | 'POST', path: string) => operation({ method, path, query: {}, answer: () => undefined });

test('Router finds an operation by method and path, also where names have slashes', () => {
  const router = new Router([
    one('GET', '/images/json'),
    one('GET', '/images/{name*}/json'),
    one('GET', '/volumes/{name}'),
  ]);
  assert.deepEqual(router.find('GET', '/images/json').params, {});
  assert.deepEqual(router.find('GET', '/images/a.example:5000/b/c:1/json').params, { name: 'a.example:5000/b/c:1' });
  assert.deepEqual(router.find('GET', '/volumes/a%20b').params, { name: 'a b' });
  for (const [method, path] of [
    ['POST', '/images/json'],
    ['GET', '/volumes/a/b'],
    ['GET', '/'],
  ] as const)
    assert.throws(() => router.find(method, path), /page not found/);
  assert.throws(() => router.find('GET', '/volumes/%'), /not encoded/);
});

test('no operation is hidden by one that stands before it', () => {
  const router = new Router(operations);
  for (const { method, path } of operations) {
    const example = path.replace(/\{\w+\*?\}/g, 'name');
    assert.equal(router.find(method, example).operation.path, path);
  }
});
