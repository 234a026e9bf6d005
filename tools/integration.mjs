// Runs tests/integration/*.test.ts, one file after the other: they need root and a real kernel. Arguments: substrings of
// file names.
import { runOnNode } from './node-tests.mjs';
import { sourceFiles } from './sources.mjs';

const words = process.argv.slice(2);
const files = sourceFiles('tests/integration').filter(
  (file) => file.endsWith('.test.ts') && (words.length === 0 || words.some((word) => file.includes(word))),
);
const programs = sourceFiles('tests/integration/programs');
process.exit((await runOnNode('integration', files, { concurrency: false, programs })) ? 0 : 1);
