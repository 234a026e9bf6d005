import type { Seccomp } from '#common/runtime-spec/types.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { ownIds } from '#sys/credentials.ts';
import {
  listDirectory,
  makeDirectory,
  openDirectory,
  openFile,
  readAt,
  removeFile,
  replaceFileDurably,
  statusOf,
} from '#sys/files.ts';
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
  const text = textOfProfile(profile);
  if (text === undefined) return compileFilter(profile, MACHINE);
  const directory = `${root}/${KEPT_FILTERS}`;
  const name = nameOf(text);
  const kept = read(`${directory}/${name}`, text);
  if (kept) return kept;
  const compiled = compileFilter(profile, MACHINE);
  keep(directory, name, text, compiled);
  return compiled;
}

/** All that decides on the filter. undefined: a profile with numbers that JSON.stringify() does not know. */
function textOfProfile(profile: Seccomp): string | undefined {
  try {
    return JSON.stringify(profile);
  } catch {
    return undefined;
  }
}

const SAMPLES = 64;

/** For a quick look: two profiles with one name take turns, since the text is compared. */
function nameOf(text: string): string {
  let hash = text.length;
  const step = Math.max(1, Math.floor(text.length / SAMPLES));
  for (let at = 0; at < text.length; at += step) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) >>> 0;
  return `${text.length}-${hash.toString(16)}`;
}

/** No filter has more than 32 KB, and few profiles do. */
const LARGEST = 1 << 20;

const HEAD = `${SECCOMP_COMPILER} ${MACHINE}\n`;

/** In a file: what it was made by, the profile's text, and after a line break the filter, to the end. */
function read(path: string, text: string): Filter | undefined {
  try {
    using file = openFile(path);
    const { uid, size } = statusOf(file.number);
    const filterAt = HEAD.length + text.length + 1;
    if (uid !== ownIds().uid || size < filterAt || size > LARGEST) return undefined;
    const bytes = new Uint8Array(size);
    if (readAt(file, bytes, 0) !== size) return undefined;
    const isOurs = textOf(bytes, HEAD.length) === HEAD && textOf(bytes.subarray(HEAD.length), text.length) === text;
    return isOurs ? unpackFilter(bytes.subarray(filterAt)) : undefined;
  } catch {
    return undefined;
  }
}

/** On disk when it has its name: what is there is whole, also after a loss of power. */
function keep(directory: string, name: string, text: string, filter: Filter): void {
  try {
    const packed = packFilter(filter);
    const before = utf8(`${HEAD}${text}\n`);
    const bytes = new Uint8Array(before.length + packed.length);
    bytes.set(before);
    bytes.set(packed, before.length);
    makeRoom(directory);
    using opened = openDirectory(directory);
    replaceFileDurably(opened, name, bytes, 0o600);
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
