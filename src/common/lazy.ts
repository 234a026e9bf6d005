// Parts of a program whose code is loaded when it is first met. In the static binary the loader reads their bytecode;
// elsewhere (Node.js, unit tests), where size does not matter, they are registered beforehand.
const parts = new Map<string, unknown>();

let load = (name: string): unknown => {
  throw new TypeError(`part "${name}" is neither registered nor is there a loader for it`);
};

/** `loader` returns the exports of the part called `name`. */
export function setLoader(loader: (name: string) => unknown): void {
  load = loader;
}

/** Makes a part known without loading. */
export function register(name: string, exports: unknown): void {
  parts.set(name, exports);
}

/** The exports of a part; `name` is a key of `lazyParts` in tools/programs.mjs, and T the type of the module there. */
export function lazy<T>(name: string): () => T {
  return () => {
    let exports = parts.get(name);
    if (exports === undefined) {
      exports = load(name);
      parts.set(name, exports);
    }
    return exports as T;
  };
}
