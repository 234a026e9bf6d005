// An image with PostgreSQL, made as its users would make one without a builder: Debian imported, packages installed in a
// container, and what that has become committed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { imageBase } from '../../../tools/debian.mjs';

/** The client's words; what it prints. Throws where it fails. */
export type Client = (words: readonly string[], options?: { input?: string }) => string;

const folder = 'tests/engines/postgres';
const debian = 'test/debian:bookworm';
const packages = 'test/postgres-packages:15';

const changes = [
  'USER postgres',
  'ENV PGDATA=/var/lib/postgresql/data PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin',
  'WORKDIR /var/lib/postgresql',
  'VOLUME /var/lib/postgresql/data',
  'HEALTHCHECK --interval=500ms --timeout=5s --retries=20 CMD ["pg_isready", "--quiet"]',
  'STOPSIGNAL SIGINT',
  'ENTRYPOINT ["/usr/local/bin/entry"]',
  'CMD ["-c", "listen_addresses="]',
];

/** Makes the image `name`. The packages in it are kept below $PROA_CACHE, as an archive of what was made the first time. */
export function makePostgresImage(client: Client, name: string): void {
  const archive = cachedArchive();
  if (existsSync(archive)) {
    client(['load', '--quiet', '--input', archive]);
  } else {
    installPackages(client);
    mkdirSync(dirname(archive), { recursive: true });
    client(['save', '--output', `${archive}.new`, packages]);
    renameSync(`${archive}.new`, archive);
  }
  client(['create', '--name', 'configured', packages]);
  client(['cp', join(folder, 'entry'), 'configured:/usr/local/bin/entry']);
  client(['commit', ...changes.flatMap((change) => ['--change', change]), 'configured', name]);
  client(['rm', 'configured']);
}

/** Named after all that it is made of. */
function cachedArchive(): string {
  const recipe = createHash('sha256')
    .update(readFileSync(join(folder, 'install.sh')))
    .digest('hex')
    .slice(0, 12);
  return join(process.env['PROA_CACHE'] ?? '/var/cache/proa', 'images', `postgres-${recipe}.tar`);
}

function installPackages(client: Client): void {
  const archive = `${imageBase()}.tar`;
  try {
    execFileSync('tar', ['--create', '--numeric-owner', '--file', archive, '--directory', imageBase(), '.']);
    client(['import', archive, debian]);
  } finally {
    rmSync(archive, { force: true });
  }
  const script = readFileSync(join(folder, 'install.sh'), 'utf8');
  client(['run', '--name', 'installed', '--network', 'host', '-i', debian, 'sh'], { input: script });
  client(['commit', 'installed', packages]);
  client(['rm', 'installed']);
}
