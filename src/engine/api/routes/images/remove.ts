import { ProaError } from '#common/errors.ts';
import { imagesOf } from '../../../containers/record.ts';
import type { Engine } from '../../../core/engine.ts';
import { collectLayers } from '../../../images/collect.ts';
import type { Image } from '../../../images/library/images.ts';
import { familiarText, parseReference } from '../../../images/reference/parse.ts';
import { ok, operation } from '../../operation.ts';
import { flag, notYet } from '../../query.ts';

/** Engine API, "ImageDelete". */
export const removeImage = operation({
  method: 'DELETE',
  path: '/images/{name*}',
  query: { force: flag(), noprune: notYet, platforms: notYet },
  async answer({ engine, params: { name = '' }, query: { force } }) {
    const image = await engine.library.find(name);
    refuseUsed(engine, image, name, force);
    const { untagged, deleted } = await engine.library.remove(name, { force });
    await collectLayers(engine);
    for (const one of untagged) engine.events.emit('image', 'untag', image.id, { name: one });
    if (deleted.length > 0) engine.events.emit('image', 'delete', image.id, { name });
    return ok([
      ...untagged.map((one) => ({ Untagged: familiarText(parseReference(one)) })),
      ...deleted.map((one) => ({ Deleted: one })),
    ]);
  },
});

/** An image of a container loses at most its names. */
function refuseUsed(engine: Engine, image: Image, name: string, force: boolean): void {
  if (image.names.length > 1 && !image.id.startsWith(`sha256:${name.replace(/^sha256:/, '')}`)) return;
  const user = engine.containers.list().find(({ record }) => imagesOf(record).some(({ id }) => id === image.id));
  if (!user || (force && !user.isRunning)) return;
  const how = user.isRunning ? 'cannot be forced' : 'must be forced';
  const what = user.isRunning ? 'running' : 'stopped';
  throw new ProaError(
    `conflict: unable to remove repository reference "${name}" (${how}) - container ${user.id.slice(0, 12)} is using its referenced image ${image.id.slice(7, 19)}: it is ${what}`,
    { kind: 'conflict' },
  );
}
