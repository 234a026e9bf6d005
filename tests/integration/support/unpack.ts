import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const binary = resolve('dist/proa-unpack');

export interface Scratch extends Disposable {
  path: string;
}

/** An empty directory that goes when its user is done, in one that nobody else looks into. */
export function directory(): Scratch {
  const outer = mkdtempSync(join(tmpdir(), 'proa-unpack-'));
  const path = join(outer, 'root');
  mkdirSync(path);
  return { path, [Symbol.dispose]: () => rmSync(outer, { recursive: true, force: true }) };
}

/** Runs proa-unpack with this archive on its standard input. */
export function run(words: string[], input: Uint8Array, timeout = 60_000): SpawnSyncReturns<string> {
  return spawnSync(binary, words, { input, encoding: 'utf8', timeout, maxBuffer: 1 << 24 });
}

export function unpackInto(root: string, input: Uint8Array): SpawnSyncReturns<string> {
  return run(['--root', root], input);
}

/** The same into a new directory. */
export function unpack(input: Uint8Array, ...words: string[]): Scratch & SpawnSyncReturns<string> {
  const target = directory();
  return { ...run(['--root', target.path, ...words], input), ...target };
}

export function shell(command: string, cwd: string): string {
  return execFileSync('bash', ['-c', command], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Whether there is a program of this name. */
export function program(name: string): boolean {
  return spawnSync('which', [name]).status === 0;
}

/**
 * A line for each file below a directory, sorted: name, type, permissions, owner, time of change to the nanosecond, size
 * and digest of contents, device numbers, link target, first name of the same file, extended attributes. Python knows
 * them all, and names that are not UTF-8.
 */
export function listTree(path: string): string[] {
  return execFileSync('python3', ['-c', lister, path], { encoding: 'utf8', maxBuffer: 1 << 26 })
    .trim()
    .split('\n');
}

const lister = `
import hashlib, os, stat, sys
os.chdir(sys.argv[1])
kinds = {stat.S_IFDIR: 'directory', stat.S_IFREG: 'file', stat.S_IFLNK: 'symlink', stat.S_IFCHR: 'character',
         stat.S_IFBLK: 'block', stat.S_IFIFO: 'fifo', stat.S_IFSOCK: 'socket'}
paths = []
for directory, names, files in os.walk(b'.'):
    paths.append(directory)
    paths += [os.path.join(directory, name) for name in files]
    paths += [os.path.join(directory, name) for name in names if os.path.islink(os.path.join(directory, name))]
first = {}
for path in sorted(paths):
    s = os.lstat(path)
    kind = kinds[stat.S_IFMT(s.st_mode)]
    name = path[2:] if path != b'.' else path
    words = [ascii(os.fsdecode(name))[1:-1], kind, '%o' % stat.S_IMODE(s.st_mode), '%d:%d' % (s.st_uid, s.st_gid), str(s.st_mtime_ns)]
    if kind == 'file':
        words += [str(s.st_size), hashlib.sha256(open(path, 'rb').read()).hexdigest()[:16]]
    if kind == 'symlink':
        words.append(ascii(os.fsdecode(os.readlink(path))))
    if kind in ('character', 'block'):
        words.append('%d,%d' % (os.major(s.st_rdev), os.minor(s.st_rdev)))
    if kind != 'directory':
        words.append('=' + ascii(os.fsdecode(first.setdefault(s.st_ino, name))))
    for attribute in sorted(os.listxattr(path, follow_symlinks=False)):
        words.append('%s=%s' % (attribute, os.getxattr(path, attribute, follow_symlinks=False).hex()))
    print(' '.join(words))
`;
