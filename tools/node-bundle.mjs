// Bundles TypeScript for Node.js 20, which knows neither the language nor `using`.
import { resolve } from 'node:path';
import { build as bundle } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
// Packages of CommonJS ask for Node's own modules in their way.
const require = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
const disposal =
  'Symbol.dispose ??= Symbol.for("Symbol.dispose"); Symbol.asyncDispose ??= Symbol.for("Symbol.asyncDispose");';

/** `options` are esbuild's: entry points and where the output goes, below the repository's root. */
export async function bundleForNode({ first = '', ...options }) {
  await bundle({
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    supported: { using: false },
    banner: { js: `${first}${require}${disposal}` },
    logLevel: 'warning',
    ...options,
  });
}
