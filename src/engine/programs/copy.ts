import { parseArgs } from 'node:util';
import { ProaError } from '#common/errors.ts';
import { withDefaultTag } from '../images/reference/parse.ts';
import { RegistryClient } from '../images/registry/client.ts';
import { userCredentials } from '../images/registry/credentials.ts';
import { type Endpoint, REGISTRIES, RegistryRules } from '../images/registry/hosts.ts';
import { copyImage, type ImageSource, type ImageTarget } from '../images/transfer/copy.ts';
import { openLayout, writeLayout } from '../images/transfer/layout.ts';
import { parsePlatform } from '../images/transfer/platform.ts';
import { registrySource, registryTarget } from '../images/transfer/registry-place.ts';

/** A directory in the OCI layout, or a repository: where an image is, or goes, and what it is called there. */
type Place =
  | { kind: 'layout'; path: string; name: string }
  | { kind: 'registry'; endpoints: readonly Endpoint[]; name: string };

/**
 * `copy [--platform OS/ARCHITECTURE[/VARIANT]] FROM TO`: copies an image as it is, between registries and directories that
 * are written as `oci:PATH[:NAME]`; tells its digest. Who the caller is at a registry, Docker's config.json says.
 */
export async function copyCommand(words: string[]): Promise<void> {
  const { from, to, platform } = optionsOf(words);
  const rules = await RegistryRules.read(REGISTRIES);
  const [source, target] = [placeOf(from, rules), placeOf(to, rules)];
  using client = new RegistryClient({ credentials: userCredentials });
  await using opened = await openTarget(target, client, source);
  const options = { source: await openSource(source, client), target: opened.target };
  const wanted = platform === undefined ? {} : { platform: parsePlatform(platform) };
  const { digest } = await copyImage(source.name, target.name || undefined, { ...options, ...wanted });
  process.stdout.write(`${digest}\n`);
}

async function openSource(place: Place, client: RegistryClient): Promise<ImageSource> {
  return place.kind === 'layout' ? await openLayout(place.path) : registrySource(client, place.endpoints);
}

async function openTarget(
  place: Place,
  client: RegistryClient,
  source: Place,
): Promise<AsyncDisposable & { target: ImageTarget }> {
  if (place.kind === 'layout') {
    const target = await writeLayout(place.path);
    return { target, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
  }
  // Mirrors are for pulling.
  const endpoint = place.endpoints.at(-1) as Endpoint;
  const own = source.kind === 'registry' ? source.endpoints.find(({ host }) => host === endpoint.host) : undefined;
  const mountFrom = () => (own && own.path !== endpoint.path ? own.path : undefined);
  return { target: registryTarget(client, endpoint, { mountFrom }), async [Symbol.asyncDispose]() {} };
}

function placeOf(text: string, rules: RegistryRules): Place {
  const layout = /^oci:([^:]+)(?::(.+))?$/.exec(text);
  if (layout) return { kind: 'layout', path: layout[1] as string, name: layout[2] ?? '' };
  if (/^[a-z-]+:\/\//.test(text) && !text.startsWith('docker://'))
    throw new ProaError(`"${text}": expected a name as for pull, or oci:PATH[:NAME]`, { kind: 'invalid' });
  const reference = withDefaultTag(rules.reference(text.replace(/^docker:\/\//, '')));
  const name = reference.digest ?? (reference.tag as string);
  return { kind: 'registry', endpoints: rules.endpointsFor(reference), name };
}

function optionsOf(words: string[]): { from: string; to: string; platform: string | undefined } {
  try {
    const options = { platform: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
    const [from, to, ...more] = positionals;
    if (from && to && more.length === 0) return { from, to, platform: values.platform };
  } catch (cause) {
    throw new ProaError('copy', { kind: 'invalid', cause });
  }
  throw new ProaError('copy: expected FROM and TO', { kind: 'invalid' });
}
