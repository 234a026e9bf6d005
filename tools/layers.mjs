// Checks who imports whom. common imports common alone; native and engine see only themselves and common; the door and
// the numbers of system calls stay inside sys; no import climbs out of its part. Violations planted here are checked first.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { sourceFiles } from './sources.mjs';

const root = resolve(import.meta.dirname, '..');
const aliases = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).imports;

/** The part that a path belongs to: common, engine, or a folder of native. */
function partOf(path) {
  const [, world, folder] = path.split('/');
  return world === 'native' && path.split('/').length > 3 ? `native/${folder}` : world;
}

const worldOf = (path) => path.split('/')[1];

function target(file, specifier) {
  if (specifier.startsWith('.')) return join(dirname(file), specifier);
  const [alias, place] = Object.entries(aliases).find(([name]) => specifier.startsWith(name.slice(0, -1))) ?? [];
  return alias && specifier.replace(alias.slice(0, -1), place.slice(2, -1));
}

/** What is wrong with one import of one file; undefined when nothing is. */
export function violation(file, specifier) {
  const isTest = file.endsWith('.test.ts');
  const world = worldOf(file);
  if (specifier.startsWith('node:')) {
    const allowed = world === 'engine' || (isTest && ['node:test', 'node:assert/strict'].includes(specifier));
    return allowed ? undefined : `${world} does not run on Node.js`;
  }
  const path = target(file, specifier);
  if (path === undefined) return world === 'engine' ? undefined : 'packages of npm are for the engine';
  if (path.startsWith('..') || !path.startsWith('src/')) return 'leads out of src';
  const other = worldOf(path);
  if (other !== world && other !== 'common') return `${world} does not see ${other}`;
  if (specifier.startsWith('.') && partOf(file) !== partOf(path)) return 'climbs out of its part: use the alias';
  const insideSys = file.startsWith('src/native/sys/');
  if (path === 'src/native/sys/door.ts' && !insideSys && !doorKeepers.has(file) && !isTest)
    return 'only sys calls the door';
  if (path.includes('/raw/generated/') && !isTest && !insideSys && file !== 'src/native/explain/recorder.ts')
    return 'numbers of calls are for sys';
  return undefined;
}

/** Beside sys: what records every call. */
const doorKeepers = new Set(['src/native/explain/recorder.ts']);

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|(?:^|\n)\s*import\s+'([^']+)'|import\('([^']+)'\)/g;

function check(file, text) {
  const found = [];
  for (const match of text.matchAll(importPattern)) {
    const specifier = match[1] ?? match[2] ?? match[3];
    const wrong = violation(file, specifier);
    if (wrong) found.push(`${file}: '${specifier}': ${wrong}`);
  }
  return found;
}

const planted = [
  ['src/common/x.ts', "import { a } from '#sys/fd.ts';"],
  ['src/common/x.ts', "import { readFileSync } from 'node:fs';"],
  ['src/native/runtime/x.ts', "import { door } from '#sys/door.ts';"],
  ['src/native/runtime/x.ts', "import { a } from '../sys/fd.ts';"],
  ['src/native/runtime/x.ts', "import { a } from '#engine/x.ts';"],
  ['src/engine/x.ts', "import { a } from '#runtime/main.ts';"],
];
for (const [file, text] of planted) {
  if (check(file, text).length === 0) throw new Error(`the import checker misses ${text} in ${file}`);
}

const violations = sourceFiles('src')
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => check(file, readFileSync(join(root, file), 'utf8')));
for (const line of violations) console.error(line);
process.exit(violations.length > 0 ? 1 : 0);
