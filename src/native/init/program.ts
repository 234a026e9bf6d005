import { describe } from '#common/errors.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { EACCES, ENOENT, ENOEXEC, ENOTDIR } from '#sys/errno.ts';
import { SystemError } from '#sys/errors.ts';
import { writeAll } from '#sys/files.ts';
import { Execution, forkProcess, leadProcessGroup } from '#sys/processes.ts';
import { getpid } from '#sys/raw/process.ts';
import type { SignalState } from '#sys/signals.ts';
import { setForegroundGroup } from '#sys/terminals.ts';

const SLASH = 0x2f;
const SHELL = '/bin/sh';

/** Starts the program that the first word names, in a process group of its own that has the terminal, if there is one. */
export function startProgram(words: Uint8Array[], environment: Uint8Array[], signals: SignalState): number {
  return forkProcess(() => {
    try {
      leadProcessGroup();
      setForegroundGroup(0, getpid());
      signals.restore();
      const errno = execute(words, environment);
      writeAll(
        2,
        `proa-init: cannot execute "${textOf(words[0] as Uint8Array)}": ${describe(new SystemError('execve', errno))}\n`,
      );
      return errno === ENOENT || errno === ENOTDIR ? 127 : 126;
    } catch (error) {
      writeAll(2, `proa-init: ${describe(error)}\n`);
      return 1;
    }
  });
}

/** As execvp(3): a bare name is looked for in PATH, and what has no format that the kernel knows is a shell's. Returns why not. */
function execute(words: Uint8Array[], environment: Uint8Array[]): number {
  let failure = ENOENT;
  for (const path of candidates(words[0] as Uint8Array, environment)) {
    const errno = new Execution(path, words, environment).execute();
    if (errno === ENOEXEC) return new Execution(SHELL, [SHELL, path, ...words.slice(1)], environment).execute();
    if (errno === EACCES) failure = EACCES;
    else if (errno !== ENOENT && errno !== ENOTDIR) return errno;
  }
  return failure;
}

function candidates(name: Uint8Array, environment: Uint8Array[]): Uint8Array[] {
  if (name.length === 0 || name.includes(SLASH)) return [name];
  const prefix = utf8('PATH=');
  const variable = environment.find((entry) => prefix.every((byte, at) => entry[at] === byte));
  const path = variable ? textOf(variable).slice(prefix.length) : '/bin:/usr/bin';
  return path.split(':').map((directory) => {
    const before = utf8(directory === '' ? '' : `${directory}/`);
    const whole = new Uint8Array(before.length + name.length);
    whole.set(before);
    whole.set(name, before.length);
    return whole;
  });
}
