import type { ApiVersion } from '../../api/version.ts';
import type { Engine } from '../../core/engine.ts';
import type { Image } from '../library/images.ts';
import { familiarText, parseReference, repositoryOf } from '../reference/parse.ts';

/** Names as people write them, and those that are pinned by digest. */
export function familiarNames({ names, target }: Image): { tags: string[]; digests: string[] } {
  const references = names.map(parseReference);
  const tags = references.filter(({ digest }) => digest === undefined).map(familiarText);
  const repositories = new Set(references.map((reference) => familiarRepository(repositoryOf(reference))));
  return { tags, digests: [...repositories].map((repository) => `${repository}@${target.digest}`) };
}

function familiarRepository(name: string): string {
  return name.replace(/^docker\.io\/(library\/)?/, '');
}

/** Engine API, "ImageSummary". Images here are kept compressed: `Size` is what they take so. */
export function imageSummary(engine: Engine, image: Image, version: ApiVersion) {
  const { tags, digests } = familiarNames(image);
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: tags,
    RepoDigests: digests,
    Created: Math.floor(Date.parse(image.config.created ?? '') / 1000) || 0,
    Size: image.size,
    SharedSize: -1,
    ...(version < 1044 && { VirtualSize: image.size }),
    Labels: image.config.config?.Labels ?? {},
    Containers: engine.containers.list().filter(({ record }) => record.image.id === image.id).length,
    Descriptor: image.target,
  };
}
