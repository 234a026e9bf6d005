import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';

/** What a registry or its token server is told. */
export type Credentials =
  | { username: string; password: string }
  /** Token servers give others for it. */
  | { identityToken: string }
  /** The registry takes it as it is. */
  | { registryToken: string };

/** Who somebody is at a registry. */
export interface CredentialSource {
  for(host: string): Promise<Credentials | undefined>;
}

interface DockerConfig {
  auths?: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

const helperName = check.matching(/^[\w.-]+$/, 'the name of a helper');
const config = check.object(
  {
    __proto__: null,
    auths: check.map(
      check.object(
        { __proto__: null, auth: check.text, username: check.text, password: check.text, identitytoken: check.text },
        [],
      ),
    ),
    credsStore: helperName,
    credHelpers: check.map(helperName),
  },
  [],
);

/** Docker's name for its own registry. */
const HUB = 'https://index.docker.io/v1/';
const HELPER_MILLISECONDS = 30_000;

/** Docker's config.json: who is logged in where. Docker CLI reference, "docker login", "Credential stores". */
export class CredentialFile implements CredentialSource {
  readonly #config: DockerConfig;

  constructor(value: DockerConfig) {
    this.#config = value;
  }

  /** A file that is not there knows nobody. Throws `invalid`, naming the field. */
  static async read(path: string): Promise<CredentialFile> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return new CredentialFile({});
    }
    return new CredentialFile(checked<DockerConfig>(config, path, parseJson(text)));
  }

  /** What is known for a registry; a helper for it is asked first. */
  async for(host: string): Promise<Credentials | undefined> {
    const { credHelpers = {}, credsStore, auths = {} } = this.#config;
    for (const key of keysOf(host)) {
      const helper = Object.hasOwn(credHelpers, key) ? credHelpers[key] : credsStore;
      const stored = helper === undefined ? undefined : await askHelper(helper, key);
      if (stored) return stored;
      const entry = Object.hasOwn(auths, key) ? auths[key] : undefined;
      if (!entry) continue;
      if (entry.identitytoken) return { identityToken: entry.identitytoken };
      if (entry.username !== undefined) return { username: entry.username, password: entry.password ?? '' };
      if (entry.auth) return decode(entry.auth, key);
    }
    return undefined;
  }
}

/** Who is logged in where by the file of the user whose process this is; it is read when it is asked. */
export const userCredentials: CredentialSource = {
  async for(host) {
    const directory = process.env['DOCKER_CONFIG'] || join(homedir(), '.docker');
    return await (await CredentialFile.read(join(directory, 'config.json'))).for(host);
  },
};

/** A registry goes by several names in these files. */
function keysOf(host: string): string[] {
  const own = host === 'docker.io' || host === 'registry-1.docker.io' ? [HUB, 'docker.io', 'index.docker.io'] : [host];
  return [
    ...own,
    ...own.filter((key) => !key.includes('://')).flatMap((key) => [`https://${key}`, `https://${key}/v1/`]),
  ];
}

function decode(auth: string, key: string): Credentials {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon > 0) return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
  throw new ProaError(`credentials of "${key}": auth is not base64 of USER:PASSWORD`, { kind: 'invalid' });
}

/** Asks `docker-credential-NAME get`; undefined when it knows nothing. */
async function askHelper(name: string, server: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'pipe'], timeout: HELPER_MILLISECONDS });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.resume();
  child.stdin.on('error', () => {
    // It did not want to know.
  });
  child.stdin.end(server);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (cause) =>
      reject(new ProaError(`cannot run the credential helper "${program}"`, { kind: 'unavailable', cause })),
    );
    child.on('close', resolve);
  });
  // Helpers say that they know nothing with a status and words of their own.
  if (status !== 0) return undefined;
  const { Username, Secret } = JSON.parse(output) as { Username?: string; Secret?: string };
  if (!Secret) return undefined;
  return Username === '<token>' ? { identityToken: Secret } : { username: Username ?? '', password: Secret };
}
