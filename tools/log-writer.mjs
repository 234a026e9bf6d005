// Builds build/log-writer, a static binary that logs its standard input with the monitor's code: tests/fixtures/log-writer.ts.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleNative, linkBinary } from './build.mjs';
import { lazyParts } from './programs.mjs';

const root = resolve(import.meta.dirname, '..');
const directory = join(root, 'build/log-writer-native');
const part = 'errno-names';

mkdirSync(join(root, 'build'), { recursive: true });
await bundleNative(
  { 'log-writer': 'tests/fixtures/log-writer.ts', [`log-writer.${part}`]: lazyParts[part] },
  directory,
);
linkBinary(directory, join(root, 'build/log-writer'), [{ name: 'log-writer', entry: 'log-writer', detached: false }]);
