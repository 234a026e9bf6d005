import { ProaError } from '#common/errors.ts';
import { textOf } from '#sys/bytes.ts';
import { environmentVariable } from '#sys/environment.ts';
import { pipe } from '#sys/fd.ts';
import { readAll } from '#sys/files.ts';
import { waitForChild } from '#sys/processes.ts';
import { AT_FDCWD, faccessat2 } from '#sys/raw/file.ts';
import { spawnProgram } from '#sys/spawn.ts';

const X_OK = 1;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** What ps(1) looks at. */
const passedVariables = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TERM',
  'COLUMNS',
  'PS_FORMAT',
  'PS_PERSONALITY',
];

/** What a program of the host writes to its standard output and error; throws when it fails. */
export function outputOf(name: string, args: readonly string[]): string {
  const path = findProgram(name);
  const [reading, writing] = pipe();
  using output = reading;
  const streams = [undefined, writing, writing];
  const child = spawnProgram({ path, args: [name, ...args], environment: environment(), streams });
  using _handle = child.pidfd;
  writing.close();
  const text = textOf(readAll(output.number, name));
  const reason = waitForChild(child);
  if (reason.code === 0) return text;
  const how = reason.signal === undefined ? `exit status ${reason.code}` : `signal ${reason.signal}`;
  throw new ProaError(`${name} failed with ${how}: ${text.trim()}`, { kind: 'invalid' });
}

function findProgram(name: string): string {
  const path = environmentVariable('PATH') || DEFAULT_PATH;
  for (const directory of path.split(':')) {
    const candidate = `${directory || '.'}/${name}`;
    if (faccessat2(AT_FDCWD, candidate, X_OK, 0) === 0) return candidate;
  }
  throw new ProaError(`cannot find the program "${name}" in $PATH`, {
    kind: 'not-found',
    remedy: 'Install it (in Debian, ps is in the package procps), or use --format json',
  });
}

function environment(): string[] {
  return passedVariables.flatMap((name) => {
    const value = environmentVariable(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}
