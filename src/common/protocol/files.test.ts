import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FilesVerb, filesRequest } from './files.ts';

const running = { pid: 7, startTime: 12 };
const stopped = { overlay: { lower: ['/l'] }, mounts: [] };
const copied = { directory: '/d', mounts: [] };

const put = { noOverwriteDirNonDir: true, copyUIDGID: false };

const wrong: [FilesVerb, unknown, RegExp][] = [
  ['stat', 1, /^request: expected an object, got 1$/],
  ['stat', { path: '/x' }, /^request\.root: missing$/],
  ['stat', { root: {}, path: '/x' }, /^request\.root\.pid: missing, and so are overlay/],
  ['stat', { root: { pid: 7 }, path: '/x' }, /^request\.root\.startTime: missing$/],
  ['stat', { root: { pid: 0, startTime: 1 }, path: '/x' }, /^request\.root\.pid: expected an integer from 1/],
  ['stat', { root: { ...running, ...stopped }, path: '/x' }, /^request\.root\.pid: not together with overlay$/],
  ['stat', { root: { ...copied, ...stopped }, path: '/x' }, /^request\.root\.directory: not together with overlay$/],
  [
    'stat',
    { root: { directory: 'd', mounts: [] }, path: '/x' },
    /^request\.root\.directory: expected an absolute path/,
  ],
  ['stat', { root: { directory: '/d' }, path: '/x' }, /^request\.root\.mounts: missing$/],
  ['stat', { root: { overlay: { lower: [] }, mounts: [] }, path: '/x' }, /^request\.root\.overlay\.lower: expected at/],
  ['stat', { root: { overlay: { lower: ['/l'] } }, path: '/x' }, /^request\.root\.mounts: missing$/],
  [
    'stat',
    { root: { ...stopped, mounts: [{ source: '/s', destination: 'd', readOnly: true }] }, path: '/x' },
    /^request\.root\.mounts\[0\]\.destination: expected an absolute path, got "d"$/,
  ],
  [
    'stat',
    { root: { ...stopped, mounts: [{ source: '/s', destination: '/d' }] }, path: '/x' },
    /^request\.root\.mounts\[0\]\.readOnly: missing$/,
  ],
  ['stat', { root: running, path: 'x' }, /^request\.path: expected an absolute path, got "x"$/],
  ['stat', { root: running, path: '/a\0b' }, /^request\.path: expected a string without NUL/],
  ['read', { root: running, path: '/x' }, /^request\.paths: missing$/],
  ['put', { root: running, path: '/x', copyUIDGID: true }, /^request\.noOverwriteDirNonDir: missing$/],
  ['put', { root: running, path: '/x', noOverwriteDirNonDir: 1 }, /Dir: expected true or false, got 1$/],
  ['put', { root: stopped, path: '/x', ...put }, /^request\.root\.overlay\.upper: missing, and needed to write$/],
  ['copy-up', { root: running, path: '/x', target: 'v' }, /^request\.target: expected an absolute path, got "v"$/],
  ['try-overlay', { directory: 'd' }, /^request\.directory: expected an absolute path, got "d"$/],
  ['read', { root: running, paths: ['/x', 3] }, /^request\.paths\[1\]: expected a string, got 3$/],
];

test('a wrong request is refused by the name of the field', () => {
  for (const [verb, request, message] of wrong)
    assert.throws(() => filesRequest(verb, request), { message, kind: 'invalid' }, `${verb} ${message}`);
});

test('right requests are taken as they are', () => {
  for (const root of [running, stopped, copied]) {
    assert.deepEqual(filesRequest('read', { root, paths: ['/x'] }), { root, paths: ['/x'] });
    assert.deepEqual(filesRequest('stat', { root, path: '/x' }), { root, path: '/x' });
  }
});
