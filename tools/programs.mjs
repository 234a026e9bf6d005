// What the static binary holds. A program is found by the name it is called by; the first also answers to any other
// name. `detached` programs run from a copy of the binary that containers cannot write to.
export const programs = [
  { name: 'proa', entry: 'cli', detached: false },
  { name: 'proa-runtime', entry: 'runtime', detached: true },
];

// Parts of a program that are loaded when they are first met (src/native/lazy.ts): name to source.
export const lazyParts = {};
