import { parse } from 'smol-toml';
import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { ProaError } from '#common/errors.ts';
import { type Reference, repositoryOf } from '../reference/parse.ts';

/** One place where an image can be had. */
export interface Endpoint {
  /** Host and perhaps port. */
  host: string;
  /** Repository there. */
  path: string;
  /** Certificates are not verified, and plain HTTP will do. */
  insecure: boolean;
  /** For content that is asked for by its digest: a mirror may be behind with its tags. */
  digestOnly: boolean;
}

interface Location {
  location?: string;
  insecure?: boolean;
}

interface Rule extends Location {
  prefix?: string;
  blocked?: boolean;
  'mirror-by-digest-only'?: boolean;
  mirror?: (Location & { 'pull-from-mirror'?: 'all' | 'digest-only' | 'tag-only' })[];
}

interface File {
  registry?: Rule[];
  aliases?: Record<string, string>;
}

const location = check.matching(/^[^/\s]+(?:\/\S*)?$/, 'a host, perhaps with a path');
const rule = check.object(
  {
    __proto__: null,
    prefix: location,
    location,
    insecure: check.boolean,
    blocked: check.boolean,
    'mirror-by-digest-only': check.boolean,
    mirror: check.list(
      check.object(
        {
          __proto__: null,
          location,
          insecure: check.boolean,
          'pull-from-mirror': check.word('a kind of pull', '', 'all digest-only tag-only'),
        },
        ['location'],
      ),
    ),
  },
  [],
);
const file = check.object({ __proto__: null, registry: check.list(rule), aliases: check.map(check.content) }, []);

/** Where images come from: mirrors, insecure and blocked registries. containers-registries.conf(5), version 2. */
export class RegistryRules {
  readonly #rules: Rule[];
  readonly #aliases: Record<string, string>;

  private constructor({ registry = [], aliases = {} }: File) {
    this.#rules = registry;
    this.#aliases = aliases;
  }

  /** `name` is the file's, for messages. Throws `invalid`, naming the field. */
  static parse(text: string, name = 'registries.conf'): RegistryRules {
    let value: unknown;
    try {
      value = parse(text);
    } catch (cause) {
      throw new ProaError(`${name} is no TOML`, { kind: 'invalid', cause });
    }
    return new RegistryRules(checked<File>(file, name, structuredClone(value)));
  }

  static readonly none = new RegistryRules({});

  /** The full name that a short one stands for. */
  alias(name: string): string | undefined {
    return Object.hasOwn(this.#aliases, name) ? this.#aliases[name] : undefined;
  }

  /** Where to look for an image, in order: its mirrors, then its registry. Throws `denied` for a blocked one. */
  endpointsFor(reference: Reference): Endpoint[] {
    const name = repositoryOf(reference);
    const rule = this.#ruleFor(name);
    if (!rule) return [direct(reference.domain, reference.path, isLoopback(reference.domain))];
    if (rule.blocked) {
      throw new ProaError(`registry "${rule.prefix ?? rule.location}" is blocked`, {
        kind: 'denied',
        remedy: 'Its entry in registries.conf says so: choose another registry, or take the entry out',
      });
    }
    const prefix = rule.prefix ?? rule.location ?? reference.domain;
    const mirrors = (rule.mirror ?? [])
      .filter((mirror) => mirror['pull-from-mirror'] !== 'tag-only' || reference.digest === undefined)
      .map((mirror) => {
        const byDigest = rule['mirror-by-digest-only'] || mirror['pull-from-mirror'] === 'digest-only';
        return { ...relocated(name, prefix, mirror), digestOnly: byDigest ?? false };
      })
      .filter((mirror) => !mirror.digestOnly || reference.digest !== undefined);
    return [...mirrors, relocated(name, prefix, rule)];
  }

  /** The longest prefix counts; `*.example.com` is one of hosts. */
  #ruleFor(name: string): Rule | undefined {
    let best: Rule | undefined;
    let length = -1;
    for (const candidate of this.#rules) {
      const prefix = candidate.prefix ?? candidate.location ?? '';
      if (prefix.length > length && matches(name, prefix)) {
        best = candidate;
        length = prefix.length;
      }
    }
    return best;
  }
}

function matches(name: string, prefix: string): boolean {
  if (prefix.startsWith('*.')) return (name.split('/')[0] ?? '').replace(/:\d+$/, '').endsWith(prefix.slice(1));
  return name === prefix || name.startsWith(`${prefix}/`) || (prefix !== '' && name.startsWith(`${prefix}:`));
}

function relocated(name: string, prefix: string, { location: place, insecure = false }: Location): Endpoint {
  const moved = place === undefined || prefix.startsWith('*.') ? name : place + name.slice(prefix.length);
  const slash = moved.indexOf('/');
  const host = moved.slice(0, slash);
  return direct(host, moved.slice(slash + 1), insecure || isLoopback(host));
}

function direct(host: string, path: string, insecure: boolean): Endpoint {
  return { host, path, insecure, digestOnly: false };
}

/** Registries on this machine need no certificate, as with Docker. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
}
