import { ProaError } from '#common/errors.ts';
import type { RunnableConfig } from '#common/runtime-spec/types.ts';
import { parseConfig } from '#common/runtime-spec/validate.ts';
import { step } from '#native/steps.ts';
import { textOf } from '#sys/bytes.ts';
import { ENOENT } from '#sys/errno.ts';
import { check, isErrno } from '#sys/errors.ts';
import { readBytes } from '#sys/files.ts';
import { getcwd } from '#sys/raw/file.ts';
import { withKeptFilter } from './kept-filters.ts';

export interface Bundle {
  /** Absolute path of the bundle's directory. */
  path: string;
  config: RunnableConfig;
  text: Uint8Array;
}

/**
 * Reads and validates a bundle's configuration; `config` names another file than its config.json. With the runtime's
 * `root`, a seccomp filter that is kept there is taken in place of its profile.
 */
export function loadBundle(
  path: string | undefined,
  config: string | undefined,
  warn: (text: string) => void,
  root?: string,
): Bundle {
  const directory = absolutePath(path ?? '.');
  const file = config ? absolutePath(config) : `${directory}/config.json`;
  return step('load the configuration', () => {
    const text = readConfiguration(file);
    let warnings: string[] = [];
    const parse = (whole: string) => {
      warnings = [];
      return parseConfig(whole, { runnable: true, warnings });
    };
    const parsed = root === undefined ? parse(textOf(text)) : withKeptFilter(text, root, parse);
    for (const warning of warnings) warn(warning);
    return { path: directory, config: parsed, text };
  });
}

function readConfiguration(file: string): Uint8Array {
  try {
    return readBytes(file);
  } catch (cause) {
    if (!isErrno(cause, ENOENT)) throw cause;
    throw new ProaError(`JSON specification file "${file}" not found`, {
      kind: 'not-found',
      remedy: 'Name the bundle with --bundle, or make a configuration with the command "spec"',
      cause,
    });
  }
}

/** `path` from the working directory on. */
export function absolutePath(path: string): string {
  if (path.startsWith('/')) return path.length > 1 ? path.replace(/\/+$/, '') : path;
  const buffer = new Uint8Array(4096);
  const length = check(getcwd(buffer), 'getcwd');
  const working = textOf(buffer, length - 1);
  const clean = path.replace(/^(\.\/+)+/, '').replace(/\/+$/, '');
  return clean === '' || clean === '.' ? working : `${working}/${clean}`;
}
