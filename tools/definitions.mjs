// What the sources of the static binary know of their build: src/native/globals.d.ts.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
/** What reads a profile, checks, compiles and packs it. */
const compiler = [
  'src/common/json',
  'src/common/check',
  'src/common/runtime-spec',
  'src/native/runtime/seccomp',
  'src/native/runtime/process',
].map((name) => join(root, name));

/** For the bundler; `machine` is `x86-64` or `aarch64`. */
export function definitions(machine) {
  return { MACHINE: JSON.stringify(machine), SECCOMP_COMPILER: JSON.stringify(digestOf(...compiler)) };
}

function digestOf(...directories) {
  const hash = createHash('sha256');
  for (const directory of directories)
    for (const name of readdirSync(directory, { recursive: true }).sort())
      if (name.endsWith('.ts') && !/\.test\.ts$|test-support/.test(name))
        hash.update(readFileSync(join(directory, name)));
  return hash.digest('hex').slice(0, 16);
}
