// Loading a module costs more than its bytes: every import is resolved by name. The bundler leaves the code that a
// program shares with its lazy parts in some twenty chunks; this puts all that a program always loads into the
// program's own module, and lets the parts import from there.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build as bundle, transform } from 'esbuild';

const importPattern = /import\s*(?:\{([^}]*)\}\s*from\s*)?"\.\/([\w.-]+\.js)";?/g;

/** Merges, in a directory of bundles, the module `main` with the chunks that it imports, directly or not. */
export async function mergeCore(directory, main) {
  const text = (file) => readFileSync(join(directory, file), 'utf8');
  const merged = new Set();
  const visit = (file) => {
    for (const [, , next] of text(file).matchAll(importPattern)) {
      if (!merged.has(next)) merged.add(next) && visit(next);
    }
  };
  visit(main);
  for (const file of readdirSync(directory)) writeFileSync(join(directory, file), replaceDisposal(text(file)));
  const parts = readdirSync(directory).filter((file) => file !== main && !merged.has(file));
  const wanted = new Map();
  for (const part of parts) writeFileSync(join(directory, part), redirected(text(part), main, merged, wanted));
  await mergeInto(directory, main, wanted);
  for (const file of merged) rmSync(join(directory, file));
  for (const part of parts) await minify(join(directory, part));
}

/** Names and spaces go last: until here the text is read by people and patterns. */
async function minify(file) {
  const { code } = await transform(readFileSync(file, 'utf8'), {
    format: 'esm',
    target: 'es2023',
    minify: true,
    charset: 'utf8',
  });
  writeFileSync(file, code);
}

/** A part's text with its imports from merged chunks turned to `main`; notes what it wants from there. */
function redirected(source, main, merged, wanted) {
  return source.replace(importPattern, (whole, names, file) => {
    if (!merged.has(file)) return whole;
    if (!names) return `import "./${main}";`;
    const list = names.split(',').map((item) => {
      const [name, , as = name] = item.trim().split(/\s+/);
      const key = `${file} ${name}`;
      // Short names, since each is read at every start.
      if (!wanted.has(key)) wanted.set(key, { file, name, outside: `$${wanted.size.toString(36)}` });
      return `${wanted.get(key).outside} as ${as}`;
    });
    return `import {${list.join(',')}} from "./${main}";`;
  });
}

// What `using` is lowered to. The bundler's own helpers make three closures at every end of a scope, and a start has
// some hundred of those. Here the first error is kept, and disposal goes on.
const leanHelpers = `
var __using = (stack, value) => {
  if (value !== null && value !== undefined) stack.push(value);
  return value;
};
var __callDispose = (stack, error, failed) => {
  for (let at = stack.length - 1; at >= 0; at--) {
    try {
      stack[at][Symbol.dispose]();
    } catch (second) {
      if (!failed) error = second;
      failed = true;
    }
  }
  if (failed) throw error;
};
`;

/** Puts the lean helpers in place of the bundler's; fails when those do not look as expected any more. */
export function replaceDisposal(source) {
  const from = source.indexOf('var __using = ');
  if (from < 0) return source;
  const second = source.indexOf('__callDispose = ', from);
  const end = source.indexOf('\n};\n', second);
  if (second < 0 || end < 0 || source.indexOf('__using = ', from + 20) >= 0)
    throw new Error('the helpers of `using` have changed: mend replaceDisposal()');
  return source.slice(0, from) + leanHelpers + source.slice(end + 4);
}

async function mergeInto(directory, main, wanted) {
  const lines = [...wanted.values()].map(
    ({ file, name, outside }) => `export {${name} as ${outside}} from "./${file}";`,
  );
  const entry = join(directory, 'merged-entry.mjs');
  writeFileSync(entry, [`import "./${main}";`, ...lines, ''].join('\n'));
  const result = await bundle({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    target: 'es2023',
    minify: true,
    charset: 'utf8',
    write: false,
    // The chunks' own comes too late once they are merged: their order is that of their imports.
    banner: { js: 'Symbol.dispose ??= Symbol.for("Symbol.dispose");' },
    logLevel: 'warning',
  });
  rmSync(entry);
  writeFileSync(join(directory, main), result.outputFiles[0].text);
}
