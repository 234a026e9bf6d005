import { ProaError } from '#common/errors.ts';
import { parseReference, type Reference, referenceText, repositoryOf } from '../reference/parse.ts';
import {
  type Location,
  parseRules,
  prefixOf,
  type Rule,
  type RulesFile,
  readRules,
  withoutEffect,
} from './rules-file.ts';

/** Where the rules are by default. */
export const REGISTRIES = '/etc/containers/registries.conf';

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

/** Where images come from: mirrors, insecure and blocked registries. containers-registries.conf(5), version 2. */
export class RegistryRules {
  readonly #rules: Rule[];
  readonly #aliases: Record<string, string>;

  /** Keys of the files that change nothing here. */
  readonly withoutEffect: string[];

  private constructor(rules: RulesFile) {
    this.#rules = rules.registry ?? [];
    this.#aliases = rules.aliases ?? {};
    this.withoutEffect = withoutEffect(rules);
  }

  /** `name` is the file's, for messages. Throws `invalid`, naming the field. */
  static parse(text: string, name = 'registries.conf'): RegistryRules {
    return new RegistryRules(parseRules(text, name));
  }

  /** The file and what is in the directory beside it, where there is either. */
  static async read(path: string): Promise<RegistryRules> {
    return new RegistryRules(await readRules(path));
  }

  static readonly none = new RegistryRules({});

  /** A reference as people write it, in which a short name may stand for another. */
  reference(text: string): Reference {
    const given = parseReference(text);
    const { domain: _domain, path: _path, ...rest } = given;
    const suffix = referenceText(given).slice(repositoryOf(given).length);
    const name = text.slice(0, text.length - suffix.length);
    const alias = Object.hasOwn(this.#aliases, name) ? this.#aliases[name] : undefined;
    if (!alias) return given;
    const { domain, path, ...more } = parseReference(alias);
    if (Object.keys(more).length === 0) return { domain, path, ...rest };
    throw new ProaError(`registries.conf: aliases.${name}: expected a name without tag and digest, got "${alias}"`, {
      kind: 'invalid',
    });
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
      const prefix = prefixOf(candidate);
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
