// What an engine asks proa-files for: a verb, and its request as JSON.
import * as check from '../check/check.ts';
import { checked } from '../check/checked.ts';
import { type OverlaySettings, overlaySettings } from './container.ts';

/** The files of a container: of one that runs, by its first process; of another, by its layers and mounts. */
export type FilesRoot =
  | { pid: number; startTime: number }
  /** `mounts` are made one after the other, each with those below its source. */
  | { overlay: OverlaySettings; mounts: FilesMount[] };

export interface FilesMount {
  /** A file or directory of the host. */
  source: string;
  /** In the container; made where it is missing. */
  destination: string;
  readOnly: boolean;
}

/** Each request by its verb. Paths are absolute, and of the container where nothing else is said. */
export interface FilesRequests {
  /** Texts of regular files; links are followed. Answer: FileTexts. */
  read: { root: FilesRoot; paths: string[] };
  /** Answer: PathStatus. */
  stat: { root: FilesRoot; path: string };
}

export type FilesVerb = keyof FilesRequests;

/** By path; null where there is no regular file. */
export type FileTexts = Record<string, string | null>;

/** What a path is; a link at its end is not followed, unless `/` or `/.` stands after it. */
export interface PathStatus {
  /** The last part of the path. */
  name: string;
  size: number;
  /** File type and permission bits: inode(7). */
  mode: number;
  /** RFC 3339, with nanoseconds. */
  mtime: string;
  /** Where a symbolic link leads, all links on the way followed: an absolute path in the container. Empty for others. */
  linkTarget: string;
}

const mount = check.object(
  { __proto__: null, source: check.absolute, destination: check.absolute, readOnly: check.boolean },
  ['source', 'destination', 'readOnly'],
);

const root = check.object<Record<string, unknown>>(
  {
    __proto__: null,
    pid: check.integer(1, 0x7fffffff),
    startTime: check.integer(0, Number.MAX_SAFE_INTEGER),
    overlay: overlaySettings,
    mounts: check.list(mount),
  },
  [],
  (value) => {
    const { overlay, pid } = value;
    if (overlay !== undefined && pid !== undefined) return new check.Fault('.pid', 'not together with overlay');
    if (overlay === undefined && pid === undefined) return check.either('pid', 'overlay')(value);
    const second = overlay === undefined ? 'startTime' : 'mounts';
    return value[second] === undefined ? new check.Fault(`.${second}`, 'missing') : undefined;
  },
);

const requests: { readonly [verb in FilesVerb]: check.Check } = {
  read: check.object({ __proto__: null, root, paths: check.list(check.absolute) }, ['root', 'paths']),
  stat: check.object({ __proto__: null, root, path: check.absolute }, ['root', 'path']),
};

export const filesVerbs = Object.keys(requests) as FilesVerb[];

/** A request that came from another process. Throws `invalid`, naming the field. */
export function filesRequest<Verb extends FilesVerb>(verb: Verb, value: unknown): FilesRequests[Verb] {
  return checked(requests[verb], 'request', value);
}
