import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ProaError } from '#common/errors.ts';

export const OWN_RUNTIME = 'proa';

/** Other OCI runtimes that are known by name, and found in PATH. */
const known = ['runc', 'crun', 'youki', 'runsc', 'kata-runtime'];

/** The command of a runtime by its name; undefined for ours. Throws `invalid` for one that is not there. */
export function findRuntime(name: string | undefined): { path: string } | undefined {
  if (name === undefined || name === '' || name === OWN_RUNTIME) return undefined;
  const path = known.includes(name) ? findProgram(name) : undefined;
  if (path !== undefined) return { path };
  throw new ProaError(`HostConfig.Runtime: unknown or invalid runtime name: ${name}`, {
    kind: 'invalid',
    remedy: `There is: ${[OWN_RUNTIME, ...Object.keys(foundRuntimes())].join(', ')}`,
  });
}

export function foundRuntimes(): Record<string, string> {
  const found = known.map((name) => [name, findProgram(name)] as const).filter(([, path]) => path !== undefined);
  return Object.fromEntries(found) as Record<string, string>;
}

function findProgram(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not ours to run.
    return false;
  }
}
