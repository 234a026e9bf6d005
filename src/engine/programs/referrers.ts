import { parseArgs } from 'node:util';
import { ProaError } from '#common/errors.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { parseIndex } from '#common/image-spec/validate.ts';
import type { Digest } from '../images/reference/digest.ts';
import { withDefaultTag } from '../images/reference/parse.ts';
import { RegistryClient } from '../images/registry/client.ts';
import { userCredentials } from '../images/registry/credentials.ts';
import { type Endpoint, REGISTRIES, RegistryRules } from '../images/registry/hosts.ts';
import { choosePlatform, parsePlatform } from '../images/transfer/platform.ts';

interface Options {
  name: string;
  artifactType: string | undefined;
  platform: string | undefined;
  json: boolean;
}

/**
 * `referrers [--artifact-type TYPE] [--platform OS/ARCHITECTURE[/VARIANT]] [--format json] NAME`: what a registry keeps of
 * an image beside it, such as signatures and attestations; a line each, or the index that the registry gives. Mirrors are
 * not asked: what they lack would look as if there were none. distribution-spec, "Listing Referrers".
 */
export async function referrersCommand(words: string[]): Promise<void> {
  const { name, artifactType, platform, json } = optionsOf(words);
  const rules = await RegistryRules.read(REGISTRIES);
  const reference = withDefaultTag(rules.reference(name));
  const endpoint = rules.endpointsFor(reference).at(-1) as Endpoint;
  using client = new RegistryClient({ credentials: userCredentials });
  const digest = await subjectOf(client, endpoint, reference.digest ?? (reference.tag as string), platform);
  const index = await client.referrers(endpoint, digest, artifactType);
  process.stdout.write(json ? `${JSON.stringify(index, undefined, 2)}\n` : tableOf(index.manifests));
}

/** The manifest or index by that name, or of an index the manifest for one platform. */
async function subjectOf(
  client: RegistryClient,
  endpoint: Endpoint,
  reference: string,
  platform: string | undefined,
): Promise<Digest> {
  const { descriptor, text } = await client.manifest(endpoint, reference);
  if (platform === undefined) return descriptor.digest as Digest;
  const wanted = parsePlatform(platform);
  if ('manifests' in JSON.parse(text)) return choosePlatform(parseIndex(text).manifests, wanted).digest as Digest;
  throw new ProaError(`referrers: --platform: "${reference}" is for one platform alone`, { kind: 'invalid' });
}

function tableOf(manifests: readonly Descriptor[]): string {
  const rows = manifests.map(({ artifactType = '', mediaType, digest, size, annotations = {} }) => [
    artifactType || mediaType,
    digest,
    String(size),
    annotations['org.opencontainers.image.created'] ?? '',
  ]);
  const lines = [['ARTIFACT TYPE', 'DIGEST', 'SIZE', 'CREATED'], ...rows];
  const widths = [0, 1, 2].map((at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((text, at) => text.padEnd(widths[at] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}

function optionsOf(words: string[]): Options {
  try {
    const text = { type: 'string' } as const;
    const options = { 'artifact-type': text, platform: text, format: text } as const;
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
    const [name, ...more] = positionals;
    const { 'artifact-type': artifactType, platform, format = 'table' } = values;
    if (format !== 'table' && format !== 'json')
      throw new ProaError(`--format: expected table or json, got "${format}"`, { kind: 'invalid' });
    if (name && more.length === 0) return { name, artifactType, platform, json: format === 'json' };
  } catch (cause) {
    throw new ProaError('referrers', { kind: 'invalid', cause });
  }
  throw new ProaError('referrers: expected the NAME of one image', { kind: 'invalid' });
}
