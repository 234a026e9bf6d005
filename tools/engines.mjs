// Runs tests/engines/ one after the other. Arguments: words of file names to run.
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { imageBase } from './debian.mjs';
import { runOnNode } from './node-tests.mjs';
import { peersRoot } from './peers.mjs';
import { needPackages } from './system.mjs';

/** Takes minutes, most of them for a database's image that is made, pushed and pulled: `npm run test:postgres`. */
const onDemand = (name) => name.startsWith('postgres');
const words = process.argv.slice(2);
const folder = resolve(import.meta.dirname, '../tests/engines');
const tests = readdirSync(folder)
  .filter(
    (name) =>
      name.endsWith('.test.ts') && (words.length === 0 ? !onDemand(name) : words.some((word) => name.includes(word))),
  )
  .map((name) => join('tests/engines', name));
needPackages(['busybox-static', 'util-linux']);
peersRoot();
if (tests.some((name) => name.includes('postgres'))) imageBase();
// An image with a database is made from packages where none is kept.
process.exit((await runOnNode('engines', tests, { concurrency: false, hangSeconds: 900 })) ? 0 : 1);
