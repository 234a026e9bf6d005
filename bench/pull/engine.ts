// What the engine does for a pull, in a process of its own: `pull DIRECTORY REFERENCE PROGRAM` into stores that are made
// in the directory, or `push DIRECTORY REFERENCE COMPRESSION LAYER DIFF-ID…`. Ends with a line of JSON.
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import { putDocument, putManifest } from '#engine/images/content/assemble.ts';
import { ContentStore } from '#engine/images/content/store.ts';
import { LayerStore } from '#engine/images/layers/store.ts';
import { ImageLibrary } from '#engine/images/library/images.ts';
import { parseReference } from '#engine/images/reference/parse.ts';
import { RegistryClient } from '#engine/images/registry/client.ts';
import { CredentialFile } from '#engine/images/registry/credentials.ts';
import { RegistryRules } from '#engine/images/registry/hosts.ts';
import { pullImage } from '#engine/images/transfer/pull.ts';
import { pushImage } from '#engine/images/transfer/push.ts';

const client = new RegistryClient({ credentials: new CredentialFile({}) });
const rules = RegistryRules.none;

async function pull(directory: string, name: string, program: string): Promise<void> {
  using store = await ContentStore.open(join(directory, 'images'));
  await using layers = await LayerStore.open(join(directory, 'layers'), { program });
  const reference = parseReference(name);
  await pullImage(reference, { client, store, rules, layers });
  const image = await new ImageLibrary(store).find(name);
  await layers.unpack(image, { content: store });
  report();
}

/** What the image is there for a user after: the process may go on to bring it to disk. */
function report(): void {
  const peak = Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  process.stdout.write(`${JSON.stringify({ milliseconds: performance.now(), peakKilobytes: peak })}\n`);
}

async function push(directory: string, name: string, compression: string, ...words: string[]): Promise<void> {
  using store = await ContentStore.open(directory);
  using lease = store.lease();
  const layers = [];
  const diffIds: string[] = [];
  for (let at = 0; at < words.length; at += 2) {
    const taken = await store.blobs.take(createReadStream(words[at] as string, { highWaterMark: 1 << 20 }));
    lease.hold(taken.digest);
    layers.push({ mediaType: `application/vnd.oci.image.layer.v1.tar+${compression}`, ...taken });
    diffIds.push(words[at + 1] as string);
  }
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const rootfs = { type: 'layers', diff_ids: diffIds };
  const config = await putDocument(store, lease, mediaTypes.config[0], { architecture, os: 'linux', rootfs });
  await store.names.set(name, await putManifest(store, lease, config, layers));
  await pushImage(parseReference(name), { client, store, rules });
}

const [verb, ...words] = process.argv.slice(2);
await (verb === 'push' ? push : pull)(...(words as [string, string, string]));
client[Symbol.dispose]();
