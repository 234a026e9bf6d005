// Runs the unit tests: every src/**/*.test.ts on Node.js, and those of common and native again inside the static
// binary, since engines differ. Arguments: substrings of file names to run; --node or --binary for one of the two.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build as bundle } from 'esbuild';
import { bundleNative, linkBinary } from './build.mjs';
import { lazyParts } from './programs.mjs';
import { sourceFiles } from './sources.mjs';

const root = resolve(import.meta.dirname, '..');
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const only = process.argv.slice(2).find((word) => word === '--node' || word === '--binary');
const wanted = (file) => words.length === 0 || words.some((word) => file.includes(word));
const tests = sourceFiles('src').filter((file) => file.endsWith('.test.ts') && wanted(file));
let failed = false;

/** A module that makes every lazy part known, imported before each test. */
function partsModule() {
  mkdirSync(join(root, 'build'), { recursive: true });
  const file = join(root, 'build/unit-parts.ts');
  const lines = Object.entries(lazyParts).map(
    ([name, source], index) => `import * as part${index} from '../${source}';\nregister('${name}', part${index});`,
  );
  writeFileSync(file, ["import { register } from '#common/lazy.ts';", ...lines, ''].join('\n'));
  return file;
}

async function onNode() {
  const outdir = join(root, 'build/unit-node');
  rmSync(outdir, { recursive: true, force: true });
  await bundle({
    absWorkingDir: root,
    entryPoints: tests,
    outdir,
    outbase: root,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    supported: { using: false },
    banner: {
      js: 'Symbol.dispose ??= Symbol.for("Symbol.dispose"); Symbol.asyncDispose ??= Symbol.for("Symbol.asyncDispose");',
    },
    define: { MACHINE: '"x86-64"' },
    inject: [partsModule()],
    logLevel: 'warning',
  });
  const files = tests.map((file) => join(outdir, file.replace(/\.ts$/, '.mjs')));
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: '' };
  const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit', env });
  if (run.status !== 0) failed = true;
}

async function insideBinary() {
  const inside = tests.filter((file) => !file.startsWith('src/engine/'));
  const work = join(root, 'build/unit-binary');
  mkdirSync(work, { recursive: true });
  const entry = join(root, 'build/unit-entry.ts');
  partsModule();
  const imports = inside.map((file, index) => `import ${JSON.stringify(`../${file}`)}; // ${index}`);
  writeFileSync(
    entry,
    [...imports, "import { report } from '../tools/unit/node-test.ts';", 'report();', ''].join('\n'),
  );
  await bundleNative({ unit: entry }, work, {
    minify: false,
    keepNames: true,
    alias: {
      'node:test': join(root, 'tools/unit/node-test.ts'),
      'node:assert/strict': join(root, 'tools/unit/assert.ts'),
    },
  });
  const binary = join(root, 'build/unit-tests');
  linkBinary(work, binary, [{ name: 'unit-tests', entry: 'unit', detached: false }], { debug: true });
  const run = spawnSync(binary, [], { stdio: 'inherit' });
  if (run.status !== 0) {
    console.error(`unit tests inside the binary failed: ${run.signal ?? `exit ${run.status}`}`);
    failed = true;
  }
}

if (only !== '--binary') await onNode();
if (only !== '--node') await insideBinary();
process.exit(failed ? 1 : 0);
