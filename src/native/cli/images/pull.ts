import { followProgress } from '../format/progress.ts';
import type { Session } from '../session.ts';
import { registryAuth } from './credentials.ts';
import { imagePath } from './path.ts';
import { splitTag } from './reference.ts';

export interface PullOptions {
  platform?: string | undefined;
  all?: boolean;
  quiet: boolean;
  /** Where the progress is shown. */
  to: 'stdout' | 'stderr';
}

/** Has the engine pull an image, and shows how far it is. */
export async function pullImage(
  session: Session,
  image: string,
  { platform, all, quiet, to }: PullOptions,
): Promise<void> {
  const { name, tag } = splitTag(image);
  const headers = await registryAuth(session, image);
  const response = await session.engine.open('POST', '/images/create', {
    query: { fromImage: name, tag: all ? undefined : tag, platform },
    headers,
  });
  await followProgress(session, response.body, { quiet, to });
}

/** Has the engine push an image. */
export async function pushImage(
  session: Session,
  image: string,
  { platform, all, quiet }: Omit<PullOptions, 'to'>,
): Promise<void> {
  const { name, tag } = splitTag(image);
  const headers = await registryAuth(session, image);
  // A push without credentials has the header too: the API requires it.
  const response = await session.engine.open('POST', imagePath(name, 'push'), {
    query: { tag: all ? undefined : tag, platform: platform && JSON.stringify(platformOf(platform)) },
    headers: { 'X-Registry-Auth': 'e30=', ...headers },
  });
  await followProgress(session, response.body, { quiet, to: 'stdout' });
}

/** `linux/arm64/v8` as the API has it. */
export function platformOf(text: string): Record<string, string> {
  const [os = '', architecture = '', variant = ''] = text.split('/');
  return { os, architecture, ...(variant && { variant }) };
}
