import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { ProaError } from '#common/errors.ts';
import { isCode } from '../content/errors.ts';

export interface Location {
  location?: string;
  insecure?: boolean;
}

export interface Rule extends Location {
  prefix?: string;
  blocked?: boolean;
  'mirror-by-digest-only'?: boolean;
  mirror?: (Location & { 'pull-from-mirror'?: 'all' | 'digest-only' | 'tag-only' })[];
}

export interface RulesFile {
  registry?: Rule[];
  aliases?: Record<string, string>;
  'unqualified-search-registries'?: string[];
}

/** A misspelt key would count for nothing, such as one that blocks a registry. */
function table(fields: check.Fields, required: string[] = []): check.Check {
  return check.object<object>(fields, required, (value) => {
    for (const key in value) if (!(key in fields)) return new check.Fault(check.segment(key), 'there is no such key');
    return undefined;
  });
}

const ofVersion1: check.Check = () =>
  new check.Fault('', 'tables of version 1 are not read: write [[registry]] with location, insecure and blocked', {
    kind: 'unsupported',
  });
const location = check.matching(/^[^/\s]+(?:\/\S*)?$/, 'a host, perhaps with a path');
const mirror = table(
  {
    __proto__: null,
    location,
    insecure: check.boolean,
    'pull-from-mirror': check.word('a kind of pull', '', 'all digest-only tag-only'),
  },
  ['location'],
);
const rule = table({
  __proto__: null,
  prefix: location,
  location,
  insecure: check.boolean,
  blocked: check.boolean,
  'mirror-by-digest-only': check.boolean,
  mirror: check.list(mirror),
});
const file = table({
  __proto__: null,
  registry: check.list(rule),
  aliases: check.map(check.content),
  registries: ofVersion1,
  'unqualified-search-registries': check.texts,
  'short-name-mode': check.word('a mode', '', 'disabled permissive enforcing'),
  'credential-helpers': check.texts,
  'additional-layer-store-auth-helper': check.content,
});

/** `name` is the file's, for messages. Throws `invalid`, naming the field. */
export function parseRules(text: string, name: string): RulesFile {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new ProaError(`${name} is no TOML`, { kind: 'invalid', cause });
  }
  return checked<RulesFile>(file, name, structuredClone(value));
}

/** A file and those of the directory beside it, in their order. containers-registries.conf.d(5). None has to be there. */
export async function readRules(path: string): Promise<RulesFile> {
  const directory = `${path}.d`;
  const names = (await ifThere(readdir(directory))) ?? [];
  let whole: RulesFile = {};
  for (const each of [
    path,
    ...names
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => join(directory, name)),
  ]) {
    const text = await ifThere(readFile(each, 'utf8'));
    if (text !== undefined) whole = merged(whole, parseRules(text, each));
  }
  return whole;
}

async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** What is said later of the same prefix, the same alias or the same key counts. */
function merged(earlier: RulesFile, later: RulesFile): RulesFile {
  const prefixes = new Set(later.registry?.map(prefixOf));
  const kept = earlier.registry?.filter((one) => !prefixes.has(prefixOf(one))) ?? [];
  return {
    ...earlier,
    ...later,
    registry: [...kept, ...(later.registry ?? [])],
    aliases: { ...earlier.aliases, ...later.aliases },
  };
}

export function prefixOf({ prefix, location }: Rule): string {
  return prefix ?? location ?? '';
}

/** Keys that are right, but change nothing here. */
export function withoutEffect(rules: RulesFile): string[] {
  const said = ['short-name-mode', 'credential-helpers', 'additional-layer-store-auth-helper'].filter(
    (key) => key in rules,
  );
  const search = rules['unqualified-search-registries'] ?? [];
  return search.every((host) => host === 'docker.io') ? said : ['unqualified-search-registries', ...said];
}
