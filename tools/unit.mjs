// Runs the unit tests: every src/**/*.test.ts and tests/unit-data/*.test.ts on Node.js, and those of common and native
// again inside the static binary, since engines differ. Arguments: substrings of file names to run; --node or --binary
// for one of the two.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleNative, linkBinary } from './build.mjs';
import { runOnNode, writePartsModule } from './node-tests.mjs';
import { sourceFiles } from './sources.mjs';
import { runOf } from './target.mjs';

const root = resolve(import.meta.dirname, '..');
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const only = process.argv.slice(2).find((word) => word === '--node' || word === '--binary');
const wanted = (file) => file.endsWith('.test.ts') && (words.length === 0 || words.some((word) => file.includes(word)));
const beside = sourceFiles('src').filter(wanted);
const withData = sourceFiles('tests/unit-data').filter(wanted);

async function insideBinary() {
  const inside = beside.filter((file) => !file.startsWith('src/engine/'));
  if (inside.length === 0) return true;
  const work = join(root, 'build/unit-binary');
  mkdirSync(work, { recursive: true });
  writePartsModule();
  const lines = inside.map((file) => `import ${JSON.stringify(`../${file}`)};`);
  lines.unshift("import './unit-parts.ts';");
  lines.push(
    "import { report } from '../tools/unit/node-test.ts';",
    "import { exit_group } from '#sys/raw/process.ts';",
    'host.main = () => exit_group(report());',
    '',
  );
  const entry = join(root, 'build/unit-entry.ts');
  writeFileSync(entry, lines.join('\n'));
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
  const run = spawnSync(...runOf(binary, binary, [], { stdio: 'inherit' }));
  if (run.status !== 0) console.error(`unit tests inside the binary failed: ${run.signal ?? `exit ${run.status}`}`);
  return run.status === 0;
}

let passed = true;
if (only !== '--binary') {
  passed = await runOnNode('unit-node', [...beside, ...withData], { parts: true, reporter: 'dot' });
}
if (only !== '--node') passed = (await insideBinary()) && passed;
process.exit(passed ? 0 : 1);
