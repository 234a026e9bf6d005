// proa-pack: layers of the upper directories of real overlays, and what proa-unpack makes of them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, listTree, makeTree, shell, unpack } from './support/unpack.ts';

function pack(...words: string[]): Buffer {
  const run = spawnSync('dist/proa-pack', words, { maxBuffer: 1 << 28, timeout: 60_000 });
  assert.equal(run.status, 0, String(run.stderr));
  return run.stdout;
}

const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex');

/** Times of the root are not in a layer. */
const below = (path: string) => listTree(path).filter((line) => !line.startsWith('. '));

test('a tree of every kind of file comes back as it was, and packs to the same bytes again', () => {
  using work = directory();
  shell(makeTree, work.path);
  shell('setfattr -n user.a -v 0x00ff tree/plain/file; touch -d @7.5 tree/plain/file', work.path);
  const tree = join(work.path, 'tree');
  const layer = pack('--upper', tree);
  using target = unpack(layer);
  assert.equal(target.status, 0, target.stderr);
  assert.deepEqual(below(target.path), below(tree));
  assert.equal(digest(pack('--upper', target.path)), digest(layer));
  writeFileSync(join(work.path, 'layer.tar'), layer);
  mkdirSync(join(work.path, 'theirs'));
  shell("tar -C theirs --numeric-owner --xattrs --xattrs-include='*' --warning=none -xpf layer.tar", work.path);
  assert.deepEqual(below(join(work.path, 'theirs')), below(tree), 'GNU tar reads it differently');
});

test('times are clamped and ids mapped back', () => {
  using work = directory();
  shell('mkdir u; touch -d @2000000000.5 u/late; touch -d @5 u/early; chown 100005:200006 u/*', work.path);
  const layer = pack(
    '--upper',
    join(work.path, 'u'),
    '--clamp-time=1000',
    '--uid-map',
    '0:100000:10',
    '--gid-map',
    '0:200000:10',
  );
  using target = unpack(layer);
  assert.equal(shell('stat -c "%n %Y %u %g" *', target.path), 'early 5 5 6\nlate 1000 5 6\n');
});

const changeTree = `
cd merged
echo changed >> etc/file; rm etc/gone; rm -r old; rm -r swapped; mkdir swapped; echo new > swapped/own
mkdir added; echo x > added/file; ln added/file added/second; ln -s x link; chmod 700 kept
`;

test('changes in an overlay are listed, and packed as a layer that makes them anywhere else', () => {
  using work = directory();
  shell(
    'mkdir -p lower/etc lower/old/deep lower/swapped lower/kept upper work merged; echo a > lower/etc/file; touch lower/etc/gone lower/old/deep/x lower/swapped/was',
    work.path,
  );
  shell('mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged', work.path);
  let merged: string[];
  try {
    shell(changeTree, work.path);
    merged = below(join(work.path, 'merged'));
  } finally {
    shell('umount merged', work.path);
  }
  const [upper, lower] = ['upper', 'lower'].map((name) => join(work.path, name)) as [string, string];
  const list = pack('--list', '--upper', upper, '--lower', lower).toString().trim().split('\n');
  assert.deepEqual(
    list.map((line) => JSON.parse(line) as { kind: string; path: string }).map(({ kind, path }) => `${kind} ${path}`),
    [
      'A /added',
      'A /added/file',
      'A /added/second',
      'C /etc',
      'C /etc/file',
      'D /etc/gone',
      'C /kept',
      'A /link',
      'D /old',
      'C /swapped',
      'D /swapped/was',
      'A /swapped/own',
    ],
  );
  const layer = pack('--upper', upper);
  const run = spawnSync('dist/proa-unpack', ['--root', lower, '--whiteouts', 'apply'], { input: layer });
  assert.equal(run.status, 0, String(run.stderr));
  assert.deepEqual(below(lower), merged);
  using again = unpack(layer);
  assert.equal(again.status, 0, again.stderr);
  assert.equal(digest(pack('--upper', again.path)), digest(layer));
  assert.ok(readFileSync(join(upper, 'swapped/own')));
});
