import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rebasedName, splitEntry } from './names.ts';
import { planCopy } from './plan.ts';

test('splitEntry() parts a path at its last name', () => {
  assert.deepEqual(splitEntry('/a/b'), { directory: '/a', base: 'b' });
  assert.deepEqual(splitEntry('/a/'), { directory: '/', base: 'a' });
  assert.deepEqual(splitEntry('/a/b/.'), { directory: '/a/b', base: '.' });
  assert.deepEqual(splitEntry('/a/../../b'), { directory: '/', base: 'b' });
  assert.deepEqual(splitEntry('/'), { directory: '/', base: '/' });
});

test('rebasedName() changes the first part alone, and knows what does not lie there', () => {
  const rebase = { from: 'src', to: 'new' };
  assert.equal(rebasedName('src', rebase), 'new');
  assert.equal(rebasedName('src/', rebase), 'new/');
  assert.equal(rebasedName('./src/a', rebase), 'new/a');
  assert.equal(rebasedName('srcx/a', rebase), undefined);
  assert.equal(rebasedName('./a', { from: '.', to: 'new' }), 'new/a');
  assert.equal(rebasedName('./', { from: '.', to: 'new' }), 'new');
});

test('planCopy() has the cases of `docker cp`', () => {
  const file = { path: '/s/f', exists: true, isDirectory: false };
  const directory = { path: '/s/d', exists: true, isDirectory: true };
  const contents = { path: '/s/d/.', exists: true, isDirectory: true };
  const into = (path: string) => ({ path, exists: true, isDirectory: true });
  const over = (path: string) => ({ path, exists: true, isDirectory: false });
  const fresh = (path: string) => ({ path, exists: false, isDirectory: false });
  assert.deepEqual(planCopy(file, into('/t')), { directory: '/t', rebase: { from: 'f', to: 'f' } });
  assert.deepEqual(planCopy(file, over('/t/g')), { directory: '/t', rebase: { from: 'f', to: 'g' } });
  assert.deepEqual(planCopy(file, fresh('/t/g')), { directory: '/t', rebase: { from: 'f', to: 'g' } });
  assert.deepEqual(planCopy(directory, into('/t')), { directory: '/t', rebase: { from: 'd', to: 'd' } });
  assert.deepEqual(planCopy(directory, fresh('/t/n')), { directory: '/t', rebase: { from: 'd', to: 'n' } });
  assert.deepEqual(planCopy(contents, into('/t')), { directory: '/t', rebase: { from: '.', to: '.' } });
  assert.deepEqual(planCopy(contents, fresh('/t/n')), { directory: '/t', rebase: { from: '.', to: 'n' } });
  assert.throws(() => planCopy(directory, over('/t/g')), /cannot copy directory/);
  assert.throws(() => planCopy(file, fresh('/t/n/')), /no such directory/);
});
