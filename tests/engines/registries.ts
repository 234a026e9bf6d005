// Registries on this machine's loopback: ours, and the one that Debian has.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Site } from './support.ts';

/** Ours, on any port. */
export async function serveRegistry(root: string): Promise<{ server: ChildProcess; host: string }> {
  const words = ['dist/proad.mjs', 'registry', 'serve', '--root', root, '--listen', '127.0.0.1:0'];
  const server = spawn('node', words);
  const host = await new Promise<string>((listening, failed) => {
    server.stdout?.once('data', (text) => listening(/listening on (\S+)/.exec(String(text))?.[1] ?? ''));
    server.stderr?.once('data', (text) => failed(new Error(String(text))));
  });
  return { server, host };
}

/** Debian's, on any port, in a site with the machine's network; `writes` counts the blobs that it was sent. */
export async function startDockerRegistry(site: Site, work: string): Promise<{ host: string; writes(): number }> {
  const port = await freePort();
  const configuration = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(work, 'docker-registry') } },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(join(work, 'registry.yml'), JSON.stringify(configuration));
  const ready = ['skopeo', 'list-tags', '--tls-verify=false', `docker://127.0.0.1:${port}/none`];
  const answers = ['sh', '-c', `${ready.join(' ')} 2>&1 | grep -q 'repository name not known'`];
  await site.daemon(['docker-registry', 'serve', join(work, 'registry.yml')], answers);
  const sent = () => site.log('docker-registry').match(/"PUT \/v2\/\S*\/blobs\/uploads\//g)?.length ?? 0;
  return { host: `127.0.0.1:${port}`, writes: sent };
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => found(port));
    });
  });
}
