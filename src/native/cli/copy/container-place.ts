import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { textOf } from '#sys/bytes.ts';
import { containerPath } from '../container/path.ts';
import { ApiError } from '../failures.ts';
import { decodeBase64 } from '../format/base64.ts';
import type { Session } from '../session.ts';
import { splitEntry } from './names.ts';
import type { Place } from './plan.ts';

interface PathStat {
  name: string;
  size: number;
  mode: number;
  linkTarget: string;
}

/** Bits of Go's os.FileMode. */
const MODE_DIRECTORY = 0x80000000;
const MODE_SYMLINK = 0x08000000;
const MAXIMUM_LINKS = 40;

/** What is at a path in a container; undefined where there is nothing. */
async function statOf(session: Session, container: string, path: string): Promise<PathStat | undefined> {
  try {
    const response = await session.engine.open('HEAD', containerPath(container, 'archive'), { query: { path } });
    await response.body.bytes();
    const header = response.headers['x-docker-container-path-stat'];
    if (header === undefined) throw new ProaError('the engine does not say what the path is', { kind: 'invalid' });
    return parseJson(textOf(decodeBase64(header))) as PathStat;
  } catch (error) {
    // An answer to HEAD has no body that would say whether the container or the path is missing.
    if (!(error instanceof ApiError && error.status === 404)) throw error;
    await session.engine.get(containerPath(container, 'json'));
    return undefined;
  }
}

/** The place that a path in a container leads to; links at its end are followed. */
export async function containerPlace(session: Session, container: string, path: string): Promise<Place> {
  let at = path.startsWith('/') ? path : `/${path}`;
  for (let links = 0; links < MAXIMUM_LINKS; links++) {
    const stat = await statOf(session, container, at);
    if (!stat) return { path: at, exists: false, isDirectory: false };
    if (!isBit(stat.mode, MODE_SYMLINK))
      return { path: at, exists: true, isDirectory: isBit(stat.mode, MODE_DIRECTORY) };
    const parent = at.replace(/\/+$/, '').replace(/\/[^/]*$/, '');
    at = stat.linkTarget.startsWith('/') ? stat.linkTarget : `${parent}/${stat.linkTarget}`;
  }
  throw new ProaError(`too many links at "${path}"`, { kind: 'invalid' });
}

/** What a path in a container is by itself. Throws where there is nothing. */
export async function containerSource(
  session: Session,
  container: string,
  path: string,
  follow: boolean,
): Promise<Place> {
  if (follow) {
    const place = await containerPlace(session, container, path);
    if (place.exists) return { ...place, name: splitEntry(path).base };
  } else {
    const stat = await statOf(session, container, path);
    if (stat)
      return {
        path: path.startsWith('/') ? path : `/${path}`,
        exists: true,
        isDirectory: isBit(stat.mode, MODE_DIRECTORY),
      };
  }
  throw new ApiError(404, `Could not find the file ${path} in container ${container}`);
}

function isBit(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}
