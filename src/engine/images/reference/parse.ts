import { ProaError } from '#common/errors.ts';
import { type Digest, isDigest } from './digest.ts';

/** What an image is called, complete: `docker.io/library/debian:12@sha256:…`. */
export interface Reference {
  /** Host and perhaps port of the registry. */
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const DEFAULT_DOMAIN = 'docker.io';
const OFFICIAL = 'library/';
/** distribution/reference: domain and path together. */
const NAME_LIMIT = 255;

const component = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const hostName = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/;
const address6 = /^\[[0-9a-fA-F:]+\]$/;
const tagGrammar = /^\w[\w.-]{0,127}$/;

/**
 * A reference as people write it, with what they leave out: `debian` is `docker.io/library/debian`. A tag is not added
 * (see `withDefaultTag`). Throws `invalid`, quoting the text and naming the part that is wrong. Source: distribution,
 * reference/reference.go (grammar) and reference/normalize.go (short names).
 */
export function parseReference(text: string): Reference {
  const refuse = (why: string): never => {
    throw new ProaError(`image reference "${text}": ${why}`, { kind: 'invalid' });
  };
  if (text === '') refuse('is empty');
  if (/^[0-9a-f]{64}$/.test(text)) refuse('64 hexadecimal digits are an image ID, not a name');
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) refuse(`"${digest}" is no digest`);
  const named = at < 0 ? text : text.slice(0, at);
  // A colon before the last slash belongs to a port.
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !tagGrammar.test(tag)) refuse(`"${tag}" is no tag`);
  const { domain, path } = splitDomain(colon < 0 ? named : named.slice(0, colon));
  if (!isDomain(domain)) refuse(`"${domain}" is no host`);
  if (path !== path.toLowerCase()) refuse('a repository is written in lower case');
  if (!path.split('/').every((part) => component.test(part))) refuse(`"${path}" is no repository`);
  if (domain.length + 1 + path.length > NAME_LIMIT) refuse(`a name has at most ${NAME_LIMIT} characters`);
  return { domain, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest: digest as Digest }) };
}

/** It means one image, not a whole repository. */
export function isExact({ tag, digest }: Reference): boolean {
  return tag !== undefined || digest !== undefined;
}

/** The first part is a host only when nothing else it could be: it has a dot, a port or capitals, or is localhost. */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const domain = isHost ? first : DEFAULT_DOMAIN;
  const path = isHost ? name.slice(slash + 1) : name;
  if (domain !== DEFAULT_DOMAIN && domain !== 'index.docker.io') return { domain, path };
  return { domain: DEFAULT_DOMAIN, path: path.includes('/') ? path : OFFICIAL + path };
}

function isDomain(domain: string): boolean {
  const port = /:(\d+)$/.exec(domain);
  const host = port ? domain.slice(0, -port[0].length) : domain;
  return (hostName.test(host) || address6.test(host)) && (!port || Number(port[1]) <= 65535);
}

/** With `latest` where it names neither a tag nor a digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;
}

/** A reference that an image is to be known by. Throws `invalid` for one that would be taken for a digest. */
export function nameToGive(reference: Reference): Reference {
  if (familiarText({ domain: reference.domain, path: reference.path }) === 'sha256')
    throw new ProaError('refusing to create an ambiguous tag using digest algorithm as name', { kind: 'invalid' });
  return withDefaultTag(reference);
}

/** Domain and path: `docker.io/library/debian`. */
export function repositoryOf({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** All of it. */
export function referenceText(reference: Reference): string {
  return repositoryOf(reference) + suffix(reference);
}

/** As people write and engines show it: `debian:12`. */
export function familiarText(reference: Reference): string {
  const { domain, path } = reference;
  if (domain !== DEFAULT_DOMAIN) return referenceText(reference);
  const short = path.startsWith(OFFICIAL) && !path.slice(OFFICIAL.length).includes('/');
  return (short ? path.slice(OFFICIAL.length) : path) + suffix(reference);
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}
