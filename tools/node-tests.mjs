// Bundles TypeScript tests and runs them on Node's own test runner.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { definitions } from './definitions.mjs';
import { bundleForNode } from './node-bundle.mjs';
import { lazyParts } from './programs.mjs';

const root = resolve(import.meta.dirname, '..');
/** What failed, in the directory of the bundles. */
const FAILURES = 'failures.txt';
/** For each file; those that are told to repeat something often need more. */
const HANG_SECONDS = Number(process.env.PROA_TEST_MINUTES ?? 5) * 60;

/** Writes build/unit-parts.ts, a module that makes every lazy part known; tests import it before anything else. */
export function writePartsModule() {
  mkdirSync(join(root, 'build'), { recursive: true });
  const lines = Object.entries(lazyParts).map(
    ([name, source], index) => `import * as part${index} from '../${source}';\nregister('${name}', part${index});`,
  );
  const file = join(root, 'build/unit-parts.ts');
  writeFileSync(file, ["import { register } from '#common/lazy.ts';", ...lines, ''].join('\n'));
  return file;
}

/**
 * Runs test files (paths from the repository's root); `name` keeps the bundles of several runs apart. `programs` are what
 * tests start as processes of their own: bundled too, in the same place beside them. True when all passed.
 */
export async function runOnNode(
  name,
  tests,
  { parts = false, concurrency = true, reporter = 'spec', programs = [], hangSeconds = HANG_SECONDS } = {},
) {
  // Node's runner would look for others by itself.
  if (tests.length === 0) {
    console.error(`${name}: no test file has such a name`);
    return false;
  }
  const outdir = join(root, 'build', name);
  rmSync(outdir, { recursive: true, force: true });
  const entries = [...tests, ...programs].map((test) => {
    const entry = join(outdir, 'entries', test);
    mkdirSync(dirname(entry), { recursive: true });
    const imports = [...(parts ? [writePartsModule()] : []), join(root, test)].map(
      (path) => `import ${JSON.stringify(relative(dirname(entry), path))};`,
    );
    writeFileSync(entry, `${imports.join('\n')}\n`);
    return entry;
  });
  await bundleForNode({
    entryPoints: entries,
    outdir: join(outdir, 'bundles'),
    outbase: join(outdir, 'entries'),
    outExtension: { '.js': '.mjs' },
    splitting: true,
    packages: 'external',
    sourcemap: 'inline',
    define: definitions('x86-64'),
  });
  const files = tests.map((test) => join(outdir, 'bundles', test.replace(/\.ts$/, '.mjs')));
  // Node 20 reads every certificate named there at start, in each test process.
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: '' };
  const flags = [
    '--enable-source-maps',
    ...[`--test-reporter=${reporter}`, '--test-reporter-destination=stdout'],
    ...[`--test-reporter=${join(root, 'tools/failures.mjs')}`, `--test-reporter-destination=${join(outdir, FAILURES)}`],
    // What hangs is a failure, too: a test, and a file of them.
    `--test-timeout=${hangSeconds * 1000}`,
    ...(concurrency ? [] : ['--test-concurrency=1']),
    '--test',
  ];
  return spawnSync(process.execPath, [...flags, ...files], { stdio: 'inherit', env, cwd: root }).status === 0;
}
