import { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import { statusIfAny } from '#sys/file-status.ts';
import { removeFile, writeFile } from '#sys/files.ts';
import { O_EXCL } from '#sys/raw/file.ts';
import { ApiError } from '../failures.ts';
import type * as pulling from '../images/pull.ts';
import type { Session } from '../session.ts';
import type { CreateRequest } from './request.ts';

export interface CreateOptions {
  name: string | undefined;
  platform: string | undefined;
  pull: string;
  quiet: boolean;
  cidfile: string | undefined;
}

/** Makes a container, and gets its image first where that is wanted; its id. */
export async function createContainer(
  session: Session,
  request: CreateRequest,
  { name, platform, pull, quiet, cidfile }: CreateOptions,
): Promise<string> {
  if (cidfile !== undefined && statusIfAny(cidfile))
    throw new ProaError(`container ID file found, make sure the other container isn't running or delete ${cidfile}`, {
      kind: 'conflict',
    });
  // Before there is a container: one whose id could not be written would be nobody's.
  if (cidfile !== undefined) writeFile(cidfile, '', { create: 0o644, flags: O_EXCL });
  try {
    const id = await create(session, request, { name, platform, pull, quiet });
    if (cidfile !== undefined) writeFile(cidfile, id);
    return id;
  } catch (error) {
    if (cidfile !== undefined) removeFile(cidfile);
    throw error;
  }
}

async function create(
  session: Session,
  request: CreateRequest,
  { name, platform, pull, quiet }: Omit<CreateOptions, 'cidfile'>,
): Promise<string> {
  const getImage = () =>
    lazy<typeof pulling>('cli-pull-image')().pullImage(session, request.Image, { platform, quiet, to: 'stderr' });
  const make = () =>
    session.engine.post<{ Id: string; Warnings: string[] | null }>('/containers/create', {
      query: { name, platform },
      json: request,
    });
  if (pull === 'always') await getImage();
  let made: { Id: string; Warnings: string[] | null };
  try {
    made = await make();
  } catch (error) {
    if (pull !== 'missing' || !isMissingImage(error)) throw error;
    if (!quiet) session.warn(`Unable to find image '${withTag(request.Image)}' locally`);
    await getImage();
    made = await make();
  }
  for (const warning of made.Warnings ?? []) session.warn(`WARNING: ${warning}`);
  return made.Id;
}

function isMissingImage(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && /no such image/i.test(error.message);
}

function withTag(image: string): string {
  return image.includes('@') || image.lastIndexOf(':') > image.lastIndexOf('/') ? image : `${image}:latest`;
}
