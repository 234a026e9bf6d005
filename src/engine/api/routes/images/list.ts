import { familiarText, parseReference } from '../../../images/reference/parse.ts';
import { familiarNames, imageSummary } from '../../../images/view/summary.ts';
import { ok, operation } from '../../operation.ts';
import { momentBefore } from '../../prune.ts';
import { filterFlag, filters, fitsLabels, flag, notYet } from '../../query.ts';

const query = {
  all: flag(),
  digests: flag(),
  'shared-size': notYet,
  manifests: notYet,
  filters: filters('before', 'dangling', 'label', 'reference', 'since', 'until'),
};

export const listImages = operation({
  method: 'GET',
  path: '/images/json',
  query,
  async answer({ engine, query: { filters: wanted }, version }) {
    const images = await engine.library.list();
    const createdOf = async (name: string) => Date.parse((await engine.library.find(name)).config.created ?? '');
    const latest = await Promise.all((wanted.before ?? []).map(createdOf));
    const earliest = await Promise.all((wanted.since ?? []).map(createdOf));
    const until = (wanted.until ?? []).map(momentBefore);
    const dangling = filterFlag(wanted.dangling, 'dangling');
    const fits = (name: string) => {
      const tag = familiarText(parseReference(name));
      return wanted.reference?.some((pattern) => fitsReference(tag, pattern)) ?? true;
    };
    const found = images.filter((image) => {
      const created = Date.parse(image.config.created ?? '');
      const { tags } = familiarNames(image);
      return (
        (dangling === undefined || (tags.length === 0) === dangling) &&
        fitsLabels(image.config.config?.Labels, wanted.label) &&
        (!wanted.reference || image.names.some(fits)) &&
        [...latest, ...until].every((time) => created < time) &&
        earliest.every((time) => created > time)
      );
    });
    return ok(
      found
        // Of its names only those that were asked for.
        .map((image) => imageSummary(engine, { ...image, names: image.names.filter(fits) }, version))
        .sort((a, b) => b.Created - a.Created || a.Id.localeCompare(b.Id)),
    );
  },
});

/** `*` stands for anything but a slash; without a tag, every tag fits. */
function fitsReference(tag: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  const whole = /:[^/]*$/.test(pattern) ? source : `${source}(:[^/]*)?`;
  return new RegExp(`^${whole}$`).test(tag);
}
