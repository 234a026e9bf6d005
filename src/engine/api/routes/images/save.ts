import type { Engine } from '../../../core/engine.ts';
import { type Saved, saveImages } from '../../../images/archive/save.ts';
import { parseReference, referenceText, repositoryOf, withDefaultTag } from '../../../images/reference/parse.ts';
import { type Call, operation } from '../../operation.ts';
import { notYet, texts } from '../../query.ts';

/** Engine API, "ImageGet". */
export const getImage = operation({
  method: 'GET',
  path: '/images/{name*}/get',
  query: { platform: notYet },
  answer: (call) => save(call, [call.params['name'] ?? '']),
});

/** Engine API, "ImageGetAll". */
export const getImages = operation({
  method: 'GET',
  path: '/images/get',
  query: { names: texts, platform: notYet },
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

/** Under the name that was asked for; all tags of a repository that is named without one; none of an ID or a digest. */
async function savedAs(engine: Engine, text: string): Promise<Saved[]> {
  if (isId(text)) {
    const { id, target } = await engine.library.find(text);
    if (id.startsWith(`sha256:${text.replace(/^sha256:/, '')}`)) return [{ names: [], target }];
  }
  const reference = parseReference(text);
  if (reference.tag === undefined && reference.digest === undefined) {
    const images = await tagsOf(engine, repositoryOf(reference));
    if (images.length > 0) return images;
  }
  const { names, target } = await engine.library.find(text);
  const name = referenceText(withDefaultTag(reference));
  return [{ names: reference.digest === undefined ? names.filter((one) => one === name) : [], target }];
}

async function tagsOf(engine: Engine, repository: string): Promise<Saved[]> {
  const images = await engine.library.list();
  return images
    .map(({ names, target }) => ({ names: names.filter((name) => isTagOf(name, repository)), target }))
    .filter(({ names }) => names.length > 0);
}

function isTagOf(name: string, repository: string): boolean {
  const reference = parseReference(name);
  return reference.digest === undefined && repositoryOf(reference) === repository;
}

function isId(text: string): boolean {
  return /^(sha256:)?[0-9a-f]{4,64}$/.test(text);
}
