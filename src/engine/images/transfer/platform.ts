import { arch } from 'node:os';
import { ProaError } from '#common/errors.ts';
import type { Descriptor, Platform } from '#common/image-spec/types.ts';

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/** This machine, in the words of the image specification, which are Go's. */
export function ownPlatform(): Platform {
  const architecture = architectures[arch()] ?? arch();
  return architecture === 'arm64' ? { os: 'linux', architecture, variant: 'v8' } : { os: 'linux', architecture };
}

/** `linux/arm64/v8`. Throws `invalid` for what is written otherwise. */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...more] = text.split('/');
  if (!os || !architecture || more.length > 0)
    throw new ProaError(`platform "${text}": expected OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT`, { kind: 'invalid' });
  return { os, architecture, ...(variant && { variant }) };
}

export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(Boolean).join('/');
}

/** The best entry of an index for a platform. Throws `not-found`, naming what there is. */
export function choosePlatform(entries: readonly Descriptor[], wanted: Platform): Descriptor {
  let best: Descriptor | undefined;
  let bestRank = 0;
  for (const entry of entries) {
    const rank = fitness(entry.platform, wanted);
    if (rank > bestRank) [best, bestRank] = [entry, rank];
  }
  if (best) return best;
  const there = entries.flatMap(({ platform }) =>
    platform && platform.os !== 'unknown' ? platformText(platform) : [],
  );
  throw new ProaError(
    `no matching manifest for ${platformText(wanted)} in the image index, which has ${there.join(', ') || 'none with a platform'}`,
    { kind: 'not-found', remedy: 'Choose one of these platforms' },
  );
}

/** 0: cannot run there. An image without a variant runs on every one; of newer variants, older ones run too. */
function fitness(has: Platform | undefined, wanted: Platform): number {
  if (!has || has.os !== wanted.os || has.architecture !== wanted.architecture) return 0;
  if (has.variant === wanted.variant) return 3;
  if (has.variant === undefined) return 2;
  // The variant that everything of this architecture has.
  if (wanted.variant === undefined) return has.architecture === 'arm64' && has.variant === 'v8' ? 3 : 1;
  const version = versionOf(has.variant);
  return version < versionOf(wanted.variant) ? 1 + version / 100 : 0;
}

function versionOf(variant: string): number {
  return Number(/^v(\d+)/.exec(variant)?.[1] ?? Number.NaN);
}
