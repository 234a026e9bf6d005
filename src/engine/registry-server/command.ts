import { parseArgs } from 'node:util';
import { describe, ProaError } from '#common/errors.ts';
import { ContentStore } from '../images/content/store.ts';
import { RegistryServer } from './server.ts';

/** `registry serve --root DIRECTORY [--listen HOST:PORT]`: until SIGTERM or SIGINT. */
export async function serveRegistry(words: string[]): Promise<void> {
  const { root, listen } = optionsOf(words);
  const { host, port } = addressOf(listen);
  using store = await ContentStore.open(root);
  await using server = new RegistryServer({
    store,
    onError: (error) => process.stderr.write(`proad: registry: ${describe(error)}\n`),
  });
  const address = await server.listen(port, host);
  process.stdout.write(`listening on ${address}\n`);
  await new Promise<void>((stopped) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped());
  });
}

function optionsOf(words: string[]): { root: string; listen: string } {
  try {
    const options = { root: { type: 'string' }, listen: { type: 'string', default: '127.0.0.1:5000' } } as const;
    const { root, listen } = parseArgs({ args: words, options }).values;
    if (root) return { root, listen };
  } catch (cause) {
    throw new ProaError('registry serve', { kind: 'invalid', cause });
  }
  throw new ProaError('registry serve: --root DIRECTORY is missing', { kind: 'invalid' });
}

function addressOf(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match && port <= 65535) return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
  throw new ProaError(`registry serve: --listen: expected HOST:PORT, got "${text}"`, { kind: 'invalid' });
}
