import { lazy } from '#common/lazy.ts';
import type { Config, Seccomp } from '#common/runtime-spec/types.ts';
import { addressOf, joinBytes, sameBytes, textOf, utf8 } from '#sys/bytes.ts';
import { ownIds } from '#sys/credentials.ts';
import { statusOf } from '#sys/file-status.ts';
import {
  listDirectory,
  makeDirectory,
  openDirectory,
  openFile,
  readAt,
  removeFile,
  replaceFileDurably,
  tryLockFile,
} from '#sys/files.ts';
import { adler32 } from '#sys/library.ts';
import { type Filter, packFilter, unpackFilter } from './process/seccomp-filter.ts';
import type * as seccomp from './seccomp/index.ts';
import { placeOfProfile, WrittenProfile } from './written-profile.ts';

/** The compiler and its tables, which are met once for each profile. */
const compiler = lazy<typeof seccomp>('seccomp');

/** Below the runtime's root. No container is called so: an id has no colon. */
export const KEPT_FILTERS = 'seccomp:filters';

/** Callers have few profiles. With more than these, something makes them up, and nothing is gained by keeping them. */
const MOST = 64;

/**
 * A configuration, as `parse` makes it of its text. A profile that was compiled for an earlier container is neither parsed
 * nor checked, which takes longer than all the rest: its filter comes with it. One that cannot be read or trusted is taken
 * as if none had been there. Where this quick way finds no profile, but there may be one, `parseAll` reads and checks it.
 * For a process that sees the host's files: in a container, somebody else's would be at that path.
 */
export function withKeptFilter<C extends Config>(
  text: Uint8Array,
  root: string,
  parse: (text: string) => C,
  parseAll = parse,
): C {
  const place = placeOfProfile(text);
  if (place === 'none') return parse(textOf(text));
  if (place === 'unsure') return parseAll(textOf(text));
  const written = text.subarray(...place);
  const filter = read(`${root}/${KEPT_FILTERS}/${nameOf(written)}`, written);
  if (!filter && !isJson(written)) return parseAll(textOf(text));
  const config = (filter && parsedWithout(place, text, parse)) ?? parse(textOf(text));
  const { linux } = config;
  // Without an action there is no profile.
  if (!linux?.seccomp?.defaultAction) delete linux?.seccomp;
  else linux.seccomp = new WrittenProfile(written, filter);
  return config;
}

/** Any profile that is right, and short. */
const STAND_IN = '{"defaultAction":"SCMP_ACT_KILL_PROCESS"}';

/** undefined: what is wrong is told with its place in the whole text. */
function parsedWithout<C>([start, end]: [number, number], text: Uint8Array, parse: (text: string) => C): C | undefined {
  try {
    return parse(`${textOf(text, start)}${STAND_IN}${textOf(text.subarray(end))}`);
  } catch {
    return undefined;
  }
}

function isJson(text: Uint8Array): boolean {
  try {
    JSON.parse(textOf(text));
    return true;
  } catch {
    return false;
  }
}

/** The filter of a profile: the one that came with it, or compiled now, and kept for the next container. */
export function filterOf(profile: Seccomp, root: string): Filter {
  if (!(profile instanceof WrittenProfile)) return compiler().compileFilter(profile, MACHINE);
  if (profile.filter) return profile.filter;
  const compiled = compiler().compileFilter(profile.value, MACHINE);
  keep(`${root}/${KEPT_FILTERS}`, profile.text, compiled);
  return compiled;
}

const SAMPLES = 64;

/** For a quick look: two profiles with one name take turns, since the text is compared. */
function nameOf(text: Uint8Array): string {
  let hash = text.length;
  const step = Math.max(1, Math.floor(text.length / SAMPLES));
  for (let at = 0; at < text.length; at += step) hash = (Math.imul(hash, 31) + (text[at] ?? 0)) >>> 0;
  return `${text.length}-${hash.toString(16)}`;
}

/** No filter has more than 32 KB, and few profiles do. */
const LARGEST = 1 << 20;

const HEAD = `${SECCOMP_COMPILER} ${MACHINE} `;
/** Digits of a sum in sixteens, and a line break. */
const SUM_LENGTH = 9;

/** In a file: what it was made by, a sum of what follows, the profile's text, and after a line break the filter, to the end. */
function read(path: string, text: Uint8Array): Filter | undefined {
  try {
    using file = openFile(path);
    const { uid, size } = statusOf(file.number);
    const textAt = HEAD.length + SUM_LENGTH;
    const filterAt = textAt + text.length + 1;
    if (uid !== ownIds().uid || size < filterAt || size > LARGEST) return undefined;
    const bytes = new Uint8Array(size);
    if (readAt(file, bytes, 0) !== size) return undefined;
    const isOurs =
      sameBytes(bytes.subarray(textAt, filterAt - 1), text) && textOf(bytes, textAt) === headOf(bytes.subarray(textAt));
    return isOurs ? unpackFilter(bytes.subarray(filterAt)) : undefined;
  } catch {
    return undefined;
  }
}

function headOf(content: Uint8Array): string {
  const sum = adler32(1, addressOf(content), content.length);
  return `${HEAD}${sum.toString(16).padStart(SUM_LENGTH - 1, '0')}\n`;
}

/** On disk when it has its name: what is there is whole, also after a loss of power. */
function keep(directory: string, text: Uint8Array, filter: Filter): void {
  try {
    const content = joinBytes(text, utf8('\n'), packFilter(filter));
    const bytes = joinBytes(utf8(headOf(content)), content);
    if (bytes.length > LARGEST) return;
    makeRoom(directory);
    using opened = openDirectory(directory);
    // Somebody else keeps one just now: two would write to the same new file.
    if (!tryLockFile(opened, directory)) return;
    replaceFileDurably(opened, nameOf(text), bytes, 0o600);
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
