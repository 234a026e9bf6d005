import type { Engine } from '../../../core/engine.ts';
import { type Saved, saveImages } from '../../../images/archive/save.ts';
import { parseReference, referenceText, withDefaultTag } from '../../../images/reference/parse.ts';
import { type Call, operation } from '../../operation.ts';
import { json, texts } from '../../query.ts';

/** Engine API, "ImageGet". */
export const getImage = operation({
  method: 'GET',
  path: '/images/{name*}/get',
  query: { platform: json },
  answer: (call) => save(call, [call.params['name'] ?? '']),
});

/** Engine API, "ImageGetAll". */
export const getImages = operation({
  method: 'GET',
  path: '/images/get',
  query: { names: texts, platform: json },
  answer: (call) => save(call, call.query.names),
});

async function save(
  { engine, response }: Pick<Call, 'engine' | 'response'>,
  names: readonly string[],
): Promise<undefined> {
  const images: Saved[] = [];
  for (const name of names) images.push(...(await savedAs(engine, name)));
  response.writeHead(200, { 'Content-Type': 'application/x-tar' });
  try {
    await saveImages(engine.content, images, response);
  } catch (error) {
    // Half an archive must not look like a whole one.
    response.destroy();
    throw error;
  }
  return undefined;
}

/** Under the name that was asked for; all tags of a repository that is named without one; none of an ID. */
async function savedAs(engine: Engine, name: string): Promise<Saved[]> {
  const image = await engine.library.find(name).catch((error) => (isId(name) ? Promise.reject(error) : undefined));
  if (image && isId(name) && image.id.startsWith(`sha256:${name.replace(/^sha256:/, '')}`))
    return [{ names: [], target: image.target }];
  if (image && parseReference(name).digest !== undefined) return [{ names: [], target: image.target }];
  if (image) return [{ names: [referenceText(withDefaultTag(parseReference(name)))], target: image.target }];
  // Throws that it is not there.
  return [{ names: [], target: (await engine.library.find(name)).target }];
}

function isId(text: string): boolean {
  return /^(sha256:)?[0-9a-f]{4,64}$/.test(text);
}
