import { ProaError } from '#common/errors.ts';
import { environmentVariable, startBytes } from '#sys/environment.ts';
import { SystemError } from '#sys/errors.ts';
import { exists, readLink } from '#sys/files.ts';
import { Execution } from '#sys/processes.ts';

/** Where the engine's program is: beside this binary, or where packages put it. */
export function enginePath(): string {
  const own = readLink('/proc/self/exe');
  const named = environmentVariable('PROA_ENGINE');
  const places = named ? [named] : [`${own.slice(0, own.lastIndexOf('/'))}/proad.mjs`, '/usr/lib/proa/proad.mjs'];
  const found = places.find((path) => exists(path));
  if (found !== undefined) return found;
  throw new ProaError(`the engine's program is missing: ${places.join(', ')}`, {
    kind: 'not-found',
    remedy: 'Name it with PROA_ENGINE, or an engine that runs with --host',
  });
}

export function nodePath(): string {
  const directories = (environmentVariable('PATH') || '/usr/local/bin:/usr/bin:/bin').split(':');
  const found = directories.map((directory) => `${directory || '.'}/node`).find((path) => exists(path));
  if (found !== undefined) return found;
  throw new ProaError('the engine needs Node.js, and no directory of PATH has the program "node"', {
    kind: 'not-found',
    remedy: 'Install Node.js 20 or newer',
  });
}

/** Goes on as the engine's program, for what that does without being an engine. Returns only by throwing. */
export function becomeEngineProgram(words: readonly string[]): never {
  const path = nodePath();
  const { environment } = startBytes();
  const errno = new Execution(path, ['node', enginePath(), ...words], environment).execute();
  throw new SystemError('execve', errno, path);
}
