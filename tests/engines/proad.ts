import { join } from 'node:path';
import { repositoryInside } from '../../tools/peers.mjs';
import type { Site } from './support.ts';

const socket = '/run/proad.sock';

/** Starts our engine. The words before each verb: Docker's client, which is nobody's but Docker's. */
export async function startProad(site: Site): Promise<string[]> {
  const words = ['docker', '--host', `unix://${socket}`];
  const options = { run: '/run/proa', state: join(site.work, 'state'), socket };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  await site.daemon(['node', `${repositoryInside}/dist/proad.mjs`, 'serve', ...flags], [...words, 'version']);
  return words;
}

/** Our registry, for everything that runs at the site. Its host and port. */
export async function startRegistry(site: Site): Promise<string> {
  const host = '127.0.0.1:5000';
  const line = [`${repositoryInside}/dist/proad.mjs`, 'registry', 'serve', '--root', join(site.work, 'served')];
  const ready = [
    'node',
    '-e',
    `fetch("http://${host}/v2/").then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`,
  ];
  await site.daemon(['node', ...line, '--listen', host], ready);
  return host;
}
