import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { checkDigest, checkVerifiable, type Digest } from '../reference/digest.ts';
import type { Endpoint } from './hosts.ts';
import { type HttpResponse, readShort } from './http.ts';

/** What registries say with their answers. */

const ERROR_LIMIT = 1 << 16;

/** distribution-spec, "Error Codes". */
export async function reasonIn(response: HttpResponse): Promise<string> {
  try {
    const text = (await readShort(response.body, ERROR_LIMIT, 'answer')).toString('utf8');
    const { errors = [] } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] };
    return errors.map(({ code, message }) => [code, message].filter(Boolean).join(': ')).join('; ');
  } catch {
    // Some answer with a page for people.
    return '';
  }
}

/** What the document says of itself counts; the header is what is left. */
export function mediaTypeOf(response: HttpResponse, text: string): string {
  const own = (JSON.parse(text) as { mediaType?: unknown }).mediaType;
  return typeof own === 'string' ? own : (response.headers['content-type']?.split(';')[0]?.trim() ?? '');
}

/** The header is optional for registries. */
export function saidDigest({ headers }: HttpResponse, what: string): Digest | undefined {
  const said = headers['docker-content-digest'];
  return typeof said === 'string' ? checkVerifiable(checkDigest(said, what), what) : undefined;
}

export function lengthOf({ headers }: HttpResponse): number {
  return Number(headers['content-length'] ?? 0);
}

/** Where a range begins must be what was asked for: bytes that were put in the wrong place would be found much later. */
export function rangeStart({ headers }: HttpResponse, offset: number): number {
  const start = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1];
  if (start !== undefined && Number(start) !== offset)
    throw new ProaError(`the registry sent bytes from ${start} on, asked for ${offset}`, { kind: 'invalid' });
  return offset;
}

export function locationOf({ headers, url }: HttpResponse, { host }: Endpoint): URL {
  if (headers.location === undefined)
    throw new ProaError(`registry "${host}" does not say where to upload to`, { kind: 'invalid' });
  return new URL(headers.location, url);
}

/** distribution-spec, "Listing Tags"; some registries say null for none. Throws `unavailable` for what is no such list. */
export function tagsIn(text: string): string[] {
  try {
    const tags = (parseJson(text) as { tags?: unknown }).tags ?? [];
    if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return tags;
  } catch {
    // It is no JSON.
  }
  throw new ProaError('the registry answered with no list of tags', { kind: 'unavailable' });
}

/** RFC 8288, as distribution-spec, "Listing Tags" uses it. */
export function nextPage({ headers, url }: HttpResponse): URL | undefined {
  const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(String(headers['link'] ?? ''))?.[1];
  const next = link === undefined ? undefined : new URL(link, url);
  return next?.origin === url.origin ? next : undefined;
}
