import { ProaError } from '#common/errors.ts';
import type { Engine } from '../../../core/engine.ts';
import {
  familiarText,
  isExact,
  parseReference,
  type Reference,
  repositoryOf,
} from '../../../images/reference/parse.ts';
import type { RegistryClient } from '../../../images/registry/client.ts';
import { ProgressStream } from '../../../images/transfer/progress.ts';
import { pushImage } from '../../../images/transfer/push.ts';
import { operation } from '../../operation.ts';
import { notYet, text } from '../../query.ts';
import { registryClient } from './registry.ts';

/** Engine API, "ImagePush". */
export const pushOperation = operation({
  method: 'POST',
  path: '/images/{name*}/push',
  query: { tag: text, platform: notYet },
  async answer({ engine, params: { name = '' }, query: { tag }, request, response, signal }) {
    const rules = await engine.registryRules();
    const reference = rules.reference(tag === undefined ? name : `${name}:${tag}`);
    const pushed = isExact(reference) ? [reference] : await everyTag(engine, reference);
    for (const one of pushed) await engine.library.find(familiarText(one));
    using client = registryClient(request, reference, { signal });
    const progress = new ProgressStream(response);
    progress.status(`The push refers to repository [${repositoryOf(reference)}]`);
    try {
      for (const one of pushed) await pushOne(engine, one, { client, progress });
      progress.end();
    } catch (error) {
      progress.fail(error);
    }
    return undefined;
  },
});

async function pushOne(
  engine: Engine,
  reference: Reference,
  { client, progress }: { client: RegistryClient; progress: ProgressStream },
): Promise<void> {
  const { digest, size } = await pushImage(reference, {
    client,
    store: engine.content,
    rules: await engine.registryRules(),
    onEvent: (event) => progress.pushing(event),
  });
  const name = familiarText(reference);
  engine.events.emit('image', 'push', name, { name });
  progress.status(`${reference.tag}: digest: ${digest} size: ${size}`);
  progress.send({ progressDetail: {}, aux: { Tag: reference.tag, Digest: digest, Size: size } });
}

/** Who names neither tag nor digest means every tag that is here; clients add the default tag themselves. */
async function everyTag(engine: Engine, reference: Reference): Promise<Reference[]> {
  const repository = repositoryOf(reference);
  const named = (await engine.library.list())
    .flatMap(({ names }) => names)
    .map(parseReference)
    .filter((one) => one.tag !== undefined && repositoryOf(one) === repository);
  if (named.length > 0) return named;
  throw new ProaError(`no such image: "${familiarText(reference)}"`, { kind: 'not-found' });
}
