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

/** Commands that make `tree`, with every kind of file, under names and times that need all that the formats have. */
export const makeTree = String.raw`
set -e
mkdir -p tree/plain tree/deep/$(printf 'd%.0s' $(seq 60))/$(printf 'e%.0s' $(seq 70))/$(printf 'f%.0s' $(seq 80)) tree/empty
cd tree
echo hello > plain/file; head -c 3000000 /dev/urandom > plain/large; : > plain/nothing
head -c 511 /dev/urandom > plain/b511; head -c 512 /dev/urandom > plain/b512; head -c 513 /dev/urandom > plain/b513
ln -s file plain/link; ln -s /absolute/none plain/dangling; ln -s ../../../../etc/passwd plain/outward
ln plain/file hard1; ln plain/file plain/hard2; ln plain/link plain/link-hard
mkfifo pipe; mknod null c 1 3; mknod disk b 259 70000
touch -- "$(printf 'latin\377\376')" 'with space' $'new\nline' 'ünï' $'-dash' 'back\slash'
ln -s "$(printf 'to\377')" "$(printf 'link\370')"
find deep -type d | tail -1 | while read d; do echo x > "$d/$(printf 'n%.0s' $(seq 200))"; ln -s $(printf 't/%.0s' $(seq 90)) "$d/long-link"; done
chown 1000:2000 plain/file plain/b511 empty; chown 3000000:3000001 plain/b513; chown -h 12:13 plain/link
chmod 4755 plain/b511; chmod 2750 plain; chmod 1777 empty; chmod 0 plain/b512; chmod 6711 plain/b513
truncate -s 20M sparse; printf a | dd of=sparse bs=1 seek=5000000 conv=notrunc 2>/dev/null; truncate -s 5M holes
touch -d '2001-02-03 04:05:06.123456789' plain/file; touch -h -d '2002-01-01 00:00:00.5' plain/link; touch -d '1960-01-01' null
touch -d '2005-05-05 05:05:05.000000001' plain; touch -d '2100-01-01' empty
`;
