import { familiarText, parseReference, repositoryOf, withDefaultTag } from '../../../images/reference/parse.ts';
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
    const reference = withDefaultTag(parseReference(tag === undefined ? name : `${name}:${tag}`));
    await engine.library.find(familiarText(reference));
    using client = registryClient(request, signal);
    const progress = new ProgressStream(response);
    progress.status(`The push refers to repository [${repositoryOf(reference)}]`);
    try {
      const target = await pushImage(reference, {
        client,
        store: engine.content,
        rules: await engine.registryRules(),
        onEvent: (event) => progress.pushing(event),
      });
      engine.events.emit('image', 'push', familiarText(reference), { name: familiarText(reference) });
      const { digest, size } = target;
      progress.status(`${reference.tag}: digest: ${digest} size: ${size}`);
      progress.send({ progressDetail: {}, aux: { Tag: reference.tag, Digest: digest, Size: size } });
      progress.end();
    } catch (error) {
      progress.fail(error);
    }
    return undefined;
  },
});
