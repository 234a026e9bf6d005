// Builds, from this repository's history, the binary of an earlier release, and prints its directory: tests let it meet
// today's. It is kept in build/ and needs no network: the packages and QuickJS are those of today's build. Without
// history, as in a tarball or a shallow clone, it leaves with status 3 and says so.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lastLine, stop } from './system.mjs';

/** The first commit with agent and monitor whole and documented; its protocol has version 1. */
const commit = '2162f3fc304bc3a88bc17d8b85e200d5ed940c2f';
const root = resolve(import.meta.dirname, '..');
const directory = join(root, 'build/previous-release', commit);

function run(program, args, options) {
  return spawnSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
}

function build() {
  const archive = run('git', ['archive', commit], { encoding: 'buffer' });
  if (archive.status !== 0) {
    console.error(`no history here: ${archive.error ?? lastLine(archive.stderr.toString())}`);
    process.exit(3);
  }
  const fresh = `${directory}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const unpacked = run('tar', ['-x', '-C', fresh], { input: archive.stdout });
  if (unpacked.status !== 0) stop(`cannot unpack the earlier release: ${lastLine(unpacked.stderr)}`);
  symlinkSync(join(root, 'node_modules'), join(fresh, 'node_modules'));
  // The older build would fetch its own.
  const quickjs = join(root, 'build/quickjs');
  const env = existsSync(quickjs) ? { QUICKJS: quickjs, ...process.env } : process.env;
  const built = run(process.execPath, ['tools/build.mjs'], { cwd: fresh, env });
  if (built.status !== 0) stop(`cannot build the earlier release: ${lastLine(built.stderr)}`);
  renameSync(join(fresh, 'dist'), directory);
  rmSync(fresh, { recursive: true });
}

if (!existsSync(directory)) build();
console.log(directory);
