import { ProaError } from '#common/errors.ts';
import type { Engine } from '../../../core/engine.ts';
import { importImage } from '../../../images/archive/import.ts';
import { configFromChanges } from '../../../images/changes.ts';
import { familiarText, isExact, nameToGive, parseReference, type Reference } from '../../../images/reference/parse.ts';
import type { RegistryClient } from '../../../images/registry/client.ts';
import type { Endpoint } from '../../../images/registry/hosts.ts';
import { platformOf } from '../../../images/transfer/platform-text.ts';
import { ProgressStream } from '../../../images/transfer/progress.ts';
import { pullImage } from '../../../images/transfer/pull.ts';
import type { Call } from '../../operation.ts';
import { operation } from '../../operation.ts';
import { text, texts } from '../../query.ts';
import { registryClient } from './registry.ts';

const query = { fromImage: text, fromSrc: text, repo: text, tag: text, message: text, changes: texts, platform: text };

/** Engine API, "ImageCreate": from a registry, or of an archive in the body. */
export const createImage = operation({
  method: 'POST',
  path: '/images/create',
  query,
  async answer(call) {
    const { fromImage, fromSrc } = call.query;
    if (fromImage !== undefined) await pull(call, fromImage);
    else if (fromSrc === '-') await importArchive(call);
    else throw new ProaError('fromImage, or fromSrc=-: expected one of them', { kind: 'invalid' });
    return undefined;
  },
});

async function pull(call: Call<typeof query>, name: string): Promise<void> {
  const { request, response, signal, query: asked } = call;
  const reference = withTag((await call.engine.registryRules()).reference(name), asked.tag);
  using client = registryClient(request, reference, { signal });
  const progress = new ProgressStream(response);
  try {
    for (const one of isExact(reference) ? [reference] : await everyTag(call.engine, client, reference))
      await pullOne(call, one, { client, progress });
    progress.end();
  } catch (error) {
    progress.fail(error);
  }
}

async function pullOne(
  { engine, query: asked, signal }: Call<typeof query>,
  reference: Reference,
  { client, progress }: { client: RegistryClient; progress: ProgressStream },
): Promise<void> {
  const platform = asked.platform === undefined ? undefined : platformOf(asked.platform);
  const { tag, digest } = reference;
  progress.status(`Pulling from ${reference.path}`, { id: tag ?? digest ?? '' });
  const { target, changed } = await pullImage(reference, {
    client,
    store: engine.content,
    rules: await engine.registryRules(),
    platform,
    layers: engine.layers,
    onEvent: (event) => progress.pulling(event),
    signal,
  });
  engine.events.emit('image', 'pull', familiarText(reference), { name: repositoryText(reference) });
  progress.status(`Digest: ${target.digest}`);
  const state = changed ? 'Downloaded newer image for' : 'Image is up to date for';
  progress.status(`Status: ${state} ${familiarText(reference)}`);
}

/** Who names neither tag nor digest means every tag; clients add the default tag themselves. Mirrors may be behind. */
async function everyTag(engine: Engine, client: RegistryClient, reference: Reference): Promise<Reference[]> {
  const endpoint = (await engine.registryRules()).endpointsFor(reference).at(-1) as Endpoint;
  const tags = await client.tags(endpoint);
  if (tags.length === 0)
    throw new ProaError(`${familiarText(reference)}: the repository has no tags`, { kind: 'not-found' });
  return tags.map((tag) => withTag(reference, tag));
}

/** A tag, or a digest: the parameter has either. */
function withTag(reference: Reference, tag: string | undefined): Reference {
  if (tag === undefined) return reference;
  const { domain, path } = reference;
  return parseReference(`${domain}/${path}${tag.includes(':') ? '@' : ':'}${tag}`);
}

function repositoryText({ domain, path }: Reference): string {
  return domain === 'docker.io' ? path : `${domain}/${path}`;
}

async function importArchive(call: Call<typeof query>): Promise<void> {
  const { engine, query: asked, request, response } = call;
  const { repo, tag, message, changes, platform } = asked;
  const reference = repo === undefined ? undefined : nameToGive(withTag(parseReference(repo), tag));
  const config = configFromChanges(changes);
  const progress = new ProgressStream(response);
  try {
    const { digest } = await importImage(engine.content, request, {
      ...(reference && { reference }),
      config,
      comment: message ?? 'Imported from -',
      ...(platform !== undefined && { platform: platformOf(platform) }),
    });
    const { id } = await engine.library.find(digest);
    engine.events.emit('image', 'import', id, { name: id });
    progress.status(id);
    progress.end();
  } catch (error) {
    progress.fail(error);
  }
}
