import { ProaError } from '#common/errors.ts';
import { containerPath } from '../container/path.ts';
import { ApiError } from '../failures.ts';
import type { Session } from '../session.ts';
import { fileSource, saveBody } from '../streams/files.ts';
import { containerPlace, containerSource } from './container-place.ts';
import { packedSource, unpackBody } from './helper.ts';
import { localSource, localTarget } from './local-place.ts';
import { packPath } from './pack.ts';
import { planCopy } from './plan.ts';
import { unpackInto } from './unpack.ts';

export interface CopyOptions {
  /** Owners are the container's, by number. */
  archive: boolean;
  follow: boolean;
}

/** Copies out of a container; how many bytes the archive had. */
export async function copyOut(
  session: Session,
  { container, path, target, follow }: { container: string; path: string; target: string; follow: boolean },
): Promise<number> {
  const { engine, loop } = session;
  const source = await containerSource(session, container, path, follow);
  const destination = target === '-' ? undefined : localTarget(target);
  const plan = destination && planCopy(source, destination);
  const { body } = await engine.open('GET', containerPath(container, 'archive'), { query: { path: source.path } });
  if (!plan) {
    await saveBody(loop, body, undefined);
    return 0;
  }
  return unpackBody(loop, body, () => unpackInto(plan.directory, plan.rebase));
}

/** Copies into a container; how many bytes the archive had. */
export async function copyIn(
  session: Session,
  { container, path, source: from, archive, follow }: { container: string; path: string; source: string } & CopyOptions,
): Promise<number> {
  const { engine, loop } = session;
  const target = await containerPlace(session, container, path);
  let size = 0;
  let directory = target.path;
  let source = fileSource(loop, '-');
  if (from === '-') {
    if (!target.isDirectory)
      throw new ProaError(`destination "${container}:${path}" must be a directory`, { kind: 'invalid' });
  } else {
    const place = localSource(from, follow);
    const plan = planCopy(place, target);
    directory = plan.directory;
    source = packedSource(loop, () => packPath(place.path, plan.rebase));
  }
  const response = await engine
    .open('PUT', containerPath(container, 'archive'), {
      query: { path: directory, noOverwriteDirNonDir: true, copyUIDGID: archive || undefined },
      source: (write) =>
        source(async (bytes) => {
          size += bytes.length;
          await write(bytes);
        }),
    })
    .catch((error) => {
      if (error instanceof ApiError && error.status === 404 && !target.exists)
        throw new ApiError(404, `Could not find the file ${directory} in container ${container}`);
      throw error;
    });
  await response.body.bytes();
  return size;
}
