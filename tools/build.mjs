// Builds dist/: bundles the TypeScript of the static binary, compiles the bundles to QuickJS bytecode and links them
// with the host. Options: --debug keeps function names and lines in the bytecode; --engine builds the engine alone.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build as bundle } from 'esbuild';
import { buildBaseImage } from './base-image.mjs';
import { definitions } from './definitions.mjs';
import { functions } from './functions.mjs';
import { mergeCore } from './merge-core.mjs';
import { Musl } from './musl.mjs';
import { bundleForNode } from './node-bundle.mjs';
import { lazyParts, programs } from './programs.mjs';
import { findQuickjs } from './quickjs.mjs';
import { appendSnapshots } from './snapshot.mjs';
import { canRun, cc, isForeign, machine } from './target.mjs';

const root = resolve(import.meta.dirname, '..');
const cflags = [
  '-O2',
  '-Wall',
  '-Wextra',
  '-Wno-unused-parameter',
  '-Werror',
  '-D_GNU_SOURCE',
  '-fPIE',
  '-fstack-protector-strong',
];

/** The key of `using`, which this QuickJS lacks and the bundler's helper looks for. */
export const disposeBanner = { js: 'Symbol.dispose ??= Symbol.for("Symbol.dispose");' };

/** Bundles `entries` (name to source file) into ECMAScript modules in `outdir`; shared code goes to chunks. */
export async function bundleNative(entries, outdir, options = {}) {
  rmSync(outdir, { recursive: true, force: true });
  await bundle({
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([out, source]) => ({ in: source, out })),
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2023',
    minify: true,
    charset: 'utf8',
    platform: 'neutral',
    conditions: ['quickjs'],
    chunkNames: 'chunk-[hash]',
    define: definitions(machine()),
    supported: { using: false },
    banner: disposeBanner,
    logLevel: 'warning',
    ...options,
  });
}

/** Compiles every bundle in `directory` and links them with the host into `output`. */
export function linkBinary(directory, output, table, { debug = false } = {}) {
  const quickjs = findQuickjs();
  const compiler = join(directory, 'compile');
  buildCompiler(compiler);
  const blobs = readdirSync(directory).filter((name) => name.endsWith('.js'));
  for (const name of blobs) {
    const flags = debug ? ['-d'] : [];
    execFileSync(compiler, [...flags, name, join(directory, name), join(directory, `${name}.bc`)], {
      stdio: 'inherit',
    });
  }
  const tables = join(directory, 'tables.c');
  writeFileSync(tables, tableSource(directory, blobs, table));
  const sources = ['host/host.c', 'host/arena.c', 'tools/glibc.c'].map((name) => join(root, name));
  new Musl(directory).build({
    sources: [...sources, tables],
    flags: [...cflags, '-isystem', quickjs.include, '-I', join(root, 'host')],
    libraries: [quickjs.library, 'libz.a', 'libzstd.a', 'libnettle.a', 'libunistring.a'],
    output,
    strip: !process.env.KEEP_SYMBOLS,
  });
}

/** It runs here, whatever the binary is for: bytecode is the same on both machines, for one version of QuickJS. */
function buildCompiler(output) {
  const [compiler, quickjs] = isForeign() ? ['cc', findQuickjs('')] : [cc, findQuickjs()];
  const source = join(root, 'tools/compile.c');
  // Debian 13's library refers to a symbol that glibc before 2.38 lacks; it is the same function.
  const libraries = [quickjs.library, '-lm', '-lpthread', '-Wl,--defsym=__isoc23_strtol=strtol'];
  execFileSync(compiler, [...cflags, '-isystem', quickjs.include, source, '-o', output, '-static', ...libraries], {
    stdio: 'inherit',
  });
}

function tableSource(directory, blobs, table) {
  const headers = [...new Set(functions.map(({ header }) => header))];
  // Places that src/native/sys/memory.ts knows.
  const places = { next: 0, mapped: 16, stack: 48, loaded: 88, ctx: 96, freed: 104 };
  const lines = ['#include "host.h"', ...headers.map((header) => `#include <${header}>`)];
  lines.push('#undef arena');
  for (const [field, place] of Object.entries(places))
    lines.push(`_Static_assert(__builtin_offsetof(struct arena, ${field}) == ${place}, "memory.ts");`);
  blobs.forEach((name, index) => {
    const symbol = `blob_${index}`;
    lines.push(
      `__asm__(".section bytecode,\\"a\\"\\n.balign 16\\n${symbol}:\\n.incbin \\"${join(directory, name)}.bc\\"\\n${symbol}_end:\\n.previous");`,
      `extern const uint8_t ${symbol}[], ${symbol}_end[];`,
    );
  });
  lines.push('const struct blob blobs[] = {');
  blobs.forEach((name, index) => {
    lines.push(`    {"${name}", blob_${index}, blob_${index}_end},`);
  });
  lines.push('    {0, 0, 0}};', 'const struct function functions[] = {');
  for (const { narrow, prefix = '', names } of functions)
    for (const name of names) lines.push(`    {"${name}", (void *)${prefix}${name}, ${Number(narrow)}},`);
  lines.push('    {0, 0, 0}};', 'const struct program programs[] = {');
  for (const { name, aliases = [], entry, detached } of table) {
    const commands = detached === true ? ['*'] : detached || [''];
    if (commands.length > 4 || commands.some((word) => word.length > 7))
      throw new Error(`${name}: host.h has no room for ${commands.join(' ')}`);
    const list = commands.map((word) => `"${word}"`).join(', ');
    for (const word of [name, ...aliases]) lines.push(`    {"${word}", "${entry}.js", {${list}}, 0, 0, 0},`);
  }
  lines.push('    {"", "", {""}, 0, 0, 0}};', '');
  return lines.join('\n');
}

/** Bundles a program, with all that it always loads in one module, and its lazy parts as `PROGRAM.PART.js`. */
async function bundleProgram(program, parts, directory) {
  const entries = { [program]: `src/native/programs/${program}.ts` };
  for (const part of parts) entries[`${program}.${part}`] = lazyParts[part];
  const scratch = join(root, `build/bundle-${program}`);
  await bundleNative(entries, scratch, { chunkNames: `${program}.chunk-[hash]`, minify: false, minifySyntax: true });
  await mergeCore(scratch, `${program}.js`);
  for (const name of readdirSync(scratch)) renameSync(join(scratch, name), join(directory, name));
}

/** The engine is one file for Node.js, with the npm packages that it uses inside. */
async function bundleEngine() {
  await bundleForNode({
    first: '#!/usr/bin/env node\n',
    entryPoints: ['src/engine/programs/proad.ts'],
    outfile: 'dist/proad.mjs',
  });
  chmodSync(join(root, 'dist/proad.mjs'), 0o755);
}

async function main() {
  const debug = process.argv.includes('--debug');
  mkdirSync(join(root, 'dist'), { recursive: true });
  mkdirSync(join(root, 'build'), { recursive: true });
  // For work on the engine: the binary stays as it is.
  if (process.argv.includes('--engine')) return await bundleEngine();
  const directory = join(root, 'build/native');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const { entry, parts } of programs) await bundleProgram(entry, parts, directory);
  const output = join(root, 'dist/proa');
  rmSync(output, { force: true });
  linkBinary(directory, output, programs, { debug });
  if (canRun()) await appendSnapshots(output, programs);
  else console.log(`dist/proa loads its code at each start: no $EMULATOR makes snapshots of ${machine()}`);
  for (const { name } of programs.slice(1)) {
    const link = join(root, 'dist', name);
    if (existsSync(link)) rmSync(link);
    symlinkSync('proa', link);
  }
  await bundleEngine();
  // It holds this machine's busybox.
  if (!isForeign()) await buildBaseImage(join(root, 'dist/base-image.tar'));
  const size = readFileSync(output).length;
  console.log(`dist/${basename(output)}: ${(size / 1e6).toFixed(2)} MB, ${machine()}`);
}

if (process.argv[1] === import.meta.filename) await main();
