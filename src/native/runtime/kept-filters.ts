import type { Seccomp } from '#common/runtime-spec/types.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { ownIds } from '#sys/credentials.ts';
import { listDirectory, makeDirectory, openFile, readAll, removeFile, replaceFile, statusOf } from '#sys/files.ts';
import { Sha256 } from '#sys/sha256.ts';
import { type Filter, packFilter, unpackFilter } from './process/seccomp-filter.ts';
import { compileFilter } from './seccomp/index.ts';

/** Below the runtime's root. No container is called so: an id has no colon. */
export const KEPT_FILTERS = 'seccomp:filters';

/** Callers have few profiles. With more than these, something makes them up, and nothing is gained by keeping them. */
const MOST = 64;

/**
 * The filter of a profile: as it was compiled for an earlier container, or compiled now, and kept for the next. One that
 * cannot be read, kept or trusted is compiled as if none had been there. For a process that sees the host's files: in a
 * container, somebody else's would be at that path.
 */
export function filterOf(profile: Seccomp, root: string): Filter {
  const key = keyOf(profile);
  const directory = `${root}/${KEPT_FILTERS}`;
  const kept = key && read(`${directory}/${key}`);
  if (kept) return kept;
  const compiled = compileFilter(profile, MACHINE);
  if (key) keep(directory, key, compiled);
  return compiled;
}

/** What decides on the filter. undefined: a profile with numbers that JSON.stringify() does not know. */
function keyOf(profile: Seccomp): string | undefined {
  try {
    return digestOf(utf8(`${SECCOMP_COMPILER} ${MACHINE} ${JSON.stringify(profile)}`));
  } catch {
    return undefined;
  }
}

function digestOf(bytes: Uint8Array): string {
  const hash = new Sha256();
  hash.update(bytes);
  return hash.digest();
}

/** As many hexadecimal digits come before a filter: a loss of power may have left anything else. */
const DIGEST = 64;

function read(path: string): Filter | undefined {
  try {
    using file = openFile(path);
    if (statusOf(file.number).uid !== ownIds().uid) return undefined;
    const bytes = readAll(file.number, path);
    const packed = bytes.slice(DIGEST);
    return textOf(bytes, DIGEST) === digestOf(packed) ? unpackFilter(packed) : undefined;
  } catch {
    return undefined;
  }
}

function keep(directory: string, key: string, filter: Filter): void {
  try {
    const packed = packFilter(filter);
    const bytes = new Uint8Array(DIGEST + packed.length);
    bytes.set(utf8(digestOf(packed)));
    bytes.set(packed, DIGEST);
    makeRoom(directory);
    replaceFile(`${directory}/${key}`, bytes, 0o600);
  } catch {
    // The next one compiles it again.
  }
}

function makeRoom(directory: string): void {
  try {
    const names = listDirectory(directory);
    if (names.length >= MOST) for (const name of names) removeFile(`${directory}/${name}`);
  } catch {
    makeDirectory(directory, 0o700);
  }
}
