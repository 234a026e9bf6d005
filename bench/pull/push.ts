// Pushes an image of layers that are files: `DIRECTORY REFERENCE COMPRESSION LAYER DIFF-ID…`; a store is made in the
// directory on the way.
import { createReadStream } from 'node:fs';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import { putDocument, putManifest } from '#engine/images/content/assemble.ts';
import { ContentStore } from '#engine/images/content/store.ts';
import { parseReference } from '#engine/images/reference/parse.ts';
import { RegistryClient } from '#engine/images/registry/client.ts';
import { CredentialFile } from '#engine/images/registry/credentials.ts';
import { RegistryRules } from '#engine/images/registry/hosts.ts';
import { pushImage } from '#engine/images/transfer/push.ts';

const [directory = '', name = '', compression = '', ...words] = process.argv.slice(2);
using client = new RegistryClient({ credentials: new CredentialFile({}) });
using store = await ContentStore.open(directory);
using lease = store.lease();
const layers = [];
const diffIds: string[] = [];
for (let at = 0; at < words.length; at += 2) {
  const taken = await store.blobs.take(createReadStream(words[at] as string, { highWaterMark: 1 << 20 }), lease);
  layers.push({ mediaType: `application/vnd.oci.image.layer.v1.tar+${compression}`, ...taken });
  diffIds.push(words[at + 1] as string);
}
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const rootfs = { type: 'layers', diff_ids: diffIds };
const config = await putDocument(store, lease, mediaTypes.config[0], { architecture, os: 'linux', rootfs });
await store.names.set(name, await putManifest(store, lease, config, layers));
await pushImage(parseReference(name), { client, store, rules: RegistryRules.none });
