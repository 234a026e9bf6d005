// What an engine asks proa-files for: a verb, and its request as JSON.
import * as check from '../check/check.ts';
import { checked } from '../check/checked.ts';
import { type OverlaySettings, overlaySettings } from './container.ts';

/**
 * The files of a container: of one that runs, by its first process; of another, by its layers or the directory that is its
 * root, and its mounts. These are made one after the other, each with those below its source.
 */
export type FilesRoot =
  | { pid: number; startTime: number }
  | { overlay: OverlaySettings; mounts: FilesMount[] }
  | { directory: string; mounts: FilesMount[] };

export interface FilesMount {
  /** A file or directory of the host. */
  source: string;
  /** What of it is mounted, in place of all: no link in it leads out. */
  subpath?: string;
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
  /**
   * Answer: an archive, whose names begin with the last part of the path; `/.` after it gives the directory's content
   * below `./`. A link at the end of the path is archived as a link.
   */
  get: { root: FilesRoot; path: string };
  /** Extracts an archive, standard input, into the directory `path`. Answer: what was extracted. */
  put: {
    root: FilesRoot;
    path: string;
    /** A directory and something else do not take each other's place. */
    noOverwriteDirNonDir: boolean;
    /** Owners are those of the archive; otherwise all is root's. */
    copyUIDGID: boolean;
  };
  /**
   * Copies what is in the directory `path`, its owner and permissions too, into `target`, a directory of the host, if
   * that is empty. Answer: CopyUp.
   */
  'copy-up': { root: FilesRoot; path: string; target: string };
  /** Where a path of layers, or of a directory, leads. Answer: Subpath. */
  subpath: { root: FilesRoot; path: string };
  /** Mounts what the record of a volume says; `address` is in place of the `addr` in it. */
  'mount-volume': { record: string; target: string; address?: string };
  'unmount-volume': { target: string };
  /** Mounts an overlay and changes something in it, to see whether that can be. `directory` is empty. Answer: OverlayTrial. */
  'try-overlay': { directory: string };
}

export type FilesVerb = keyof FilesRequests;

export interface Subpath {
  /** Without links, relative to the root. */
  path: string;
  /** Of an overlay, the lower layers that have it, by their place there: of several, all have a directory there. */
  layers: number[];
}

export interface OverlayTrial {
  /** Why there can be no overlay there, on this kernel and file system; null where there can. */
  refused: string | null;
}

export interface CopyUp {
  /** False where there is no such directory, or the target holds something. */
  copied: boolean;
}

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
  {
    __proto__: null,
    source: check.absolute,
    subpath: check.text,
    destination: check.absolute,
    readOnly: check.boolean,
  },
  ['source', 'destination', 'readOnly'],
);

const root = check.object<Record<string, unknown>>(
  {
    __proto__: null,
    pid: check.integer(1, 0x7fffffff),
    startTime: check.integer(0, Number.MAX_SAFE_INTEGER),
    overlay: overlaySettings,
    directory: check.absolute,
    mounts: check.list(mount),
  },
  [],
  (value) => {
    const [first, ...more] = ['overlay', 'directory', 'pid'].filter((name) => value[name] !== undefined);
    if (more[0] !== undefined) return new check.Fault(`.${more[0]}`, `not together with ${first}`);
    if (first === undefined) return new check.Fault('.pid', 'missing, and so are overlay and directory');
    const second = first === 'pid' ? 'startTime' : 'mounts';
    return value[second] === undefined ? new check.Fault(`.${second}`, 'missing') : undefined;
  },
);

const requests: { readonly [verb in FilesVerb]: check.Check } = {
  read: check.object({ __proto__: null, root, paths: check.list(check.absolute) }, ['root', 'paths']),
  stat: check.object({ __proto__: null, root, path: check.absolute }, ['root', 'path']),
  get: check.object({ __proto__: null, root, path: check.absolute }, ['root', 'path']),
  subpath: check.object({ __proto__: null, root, path: check.absolute }, ['root', 'path']),
  put: check.object<FilesRequests['put']>(
    {
      __proto__: null,
      root,
      path: check.absolute,
      noOverwriteDirNonDir: check.boolean,
      copyUIDGID: check.boolean,
    },
    ['root', 'path', 'noOverwriteDirNonDir', 'copyUIDGID'],
    ({ root }) => {
      if (!('overlay' in root) || (root.overlay.upper !== undefined && root.overlay.work !== undefined)) return;
      const name = root.overlay.upper === undefined ? 'upper' : 'work';
      return new check.Fault(`.root.overlay.${name}`, 'missing, and needed to write');
    },
  ),
  'copy-up': check.object({ __proto__: null, root, path: check.absolute, target: check.absolute }, [
    'root',
    'path',
    'target',
  ]),
  'mount-volume': check.object(
    { __proto__: null, record: check.absolute, target: check.absolute, address: check.text },
    ['record', 'target'],
  ),
  'unmount-volume': check.object({ __proto__: null, target: check.absolute }, ['target']),
  'try-overlay': check.object({ __proto__: null, directory: check.absolute }, ['directory']),
};

export const filesVerbs = Object.keys(requests) as FilesVerb[];

/** A request that came from another process. Throws `invalid`, naming the field. */
export function filesRequest<Verb extends FilesVerb>(verb: Verb, value: unknown): FilesRequests[Verb] {
  return checked(requests[verb], 'request', value);
}
