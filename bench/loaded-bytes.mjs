/**
 * Bytes of bytecode that a default `run` loads, as the root of `run --explain=json` says in its field `loadedBytes`;
 * undefined when it does not. `standardError` runs a command and gives what it wrote there.
 */
export function loadedBytes(standardError, runtime, bundle) {
  const root = '/run/bench-explain';
  const text = standardError([runtime, '--root', root, 'run', '--explain=json', '-b', bundle, 'bench-explain']);
  try {
    return JSON.parse(text).loadedBytes;
  } catch {
    return undefined;
  }
}
