import { loadImages } from '../../../images/archive/load.ts';
import { familiarText, parseReference } from '../../../images/reference/parse.ts';
import { ProgressStream } from '../../../images/transfer/progress.ts';
import { operation } from '../../operation.ts';
import { flag, notYet } from '../../query.ts';

/** Engine API, "ImageLoad". */
export const loadOperation = operation({
  method: 'POST',
  path: '/images/load',
  query: { quiet: flag(), platform: notYet },
  async answer({ engine, request, response }) {
    const progress = new ProgressStream(response);
    try {
      for (const { names, target } of await loadImages(engine.content, request)) {
        const image = await engine.library.find(target.digest);
        for (const name of names) progress.send({ stream: `Loaded image: ${familiarText(parseReference(name))}\n` });
        if (names.length === 0) progress.send({ stream: `Loaded image ID: ${image.id}\n` });
        engine.events.emit('image', 'load', image.id, { name: names[0] ?? image.id });
      }
      response.end();
    } catch (error) {
      progress.fail(error);
    }
    return undefined;
  },
});
