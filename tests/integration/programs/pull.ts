// Pulls an image and unpacks it, until it is done or killed: DIRECTORY REFERENCE PROGRAM.
import { join } from 'node:path';
import { ContentStore } from '#engine/images/content/store.ts';
import { LayerStore } from '#engine/images/layers/store.ts';
import { ImageLibrary } from '#engine/images/library/images.ts';
import { parseReference } from '#engine/images/reference/parse.ts';
import { RegistryClient } from '#engine/images/registry/client.ts';
import { CredentialFile } from '#engine/images/registry/credentials.ts';
import { RegistryRules } from '#engine/images/registry/hosts.ts';
import { pullImage } from '#engine/images/transfer/pull.ts';

const [directory = '', name = '', program = ''] = process.argv.slice(2);
using store = await ContentStore.open(join(directory, 'images'));
await using layers = await LayerStore.open(join(directory, 'layers'), { program });
using client = new RegistryClient({ credentials: new CredentialFile({}) });
await pullImage(parseReference(name), { client, store, rules: RegistryRules.none, layers });
process.stdout.write('pulled\n');
await layers.unpack(await new ImageLibrary(store).find(name), { content: store });
process.stdout.write('unpacked\n');
