import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import type { Headers } from '#native/http/head.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { environmentVariable, startBytes } from '#sys/environment.ts';
import { pipe } from '#sys/fd.ts';
import { exists, readAll, readTextIfAny, writeAll } from '#sys/files.ts';
import { waitForChild } from '#sys/processes.ts';
import { spawnProgram } from '#sys/spawn.ts';
import { decodeBase64, encodeBase64 } from '../format/base64.ts';
import type { Session } from '../session.ts';
import { registryOf } from './reference.ts';

interface ConfigFile {
  auths?: Record<string, { auth?: string; identitytoken?: string; registrytoken?: string }>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

const helperName = check.matching(/^[\w.-]+$/, 'the name of a helper');
const entry = check.object(
  { __proto__: null, auth: check.text, identitytoken: check.text, registrytoken: check.text },
  [],
);
const configCheck = check.object(
  { __proto__: null, auths: check.map(entry), credsStore: helperName, credHelpers: check.map(helperName) },
  [],
);

/** Docker's name for its own registry. */
const HUB = 'https://index.docker.io/v1/';

/** The header that lets the engine act for the user at an image's registry; none where nothing is known. */
export async function registryAuth(session: Session, image: string): Promise<Headers> {
  const path = `${session.config}/config.json`;
  const text = readTextIfAny(path);
  if (text === undefined || text.trim() === '') return {};
  const config = checked<ConfigFile>(configCheck, path, parseJson(text));
  const registry = registryOf(image);
  const server = registry === 'docker.io' ? HUB : registry;
  const found = fromHelper(config, server) ?? fromFile(config, server);
  return found
    ? { 'X-Registry-Auth': encodeBase64(utf8(JSON.stringify({ ...found, serveraddress: server })), 'url') }
    : {};
}

function fromFile({ auths = {} }: ConfigFile, server: string): Record<string, string> | undefined {
  const bare = (name: string) => name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const key = Object.hasOwn(auths, server) ? server : Object.keys(auths).find((name) => bare(name) === bare(server));
  const found = key === undefined ? undefined : auths[key];
  if (!found) return undefined;
  if (found.registrytoken) return { registrytoken: found.registrytoken };
  const name: Record<string, string> = found.identitytoken ? { identitytoken: found.identitytoken } : {};
  if (!found.auth) return Object.keys(name).length > 0 ? name : undefined;
  const words = textOf(decodeBase64(found.auth));
  const colon = words.indexOf(':');
  if (colon < 1)
    throw new ProaError(`credentials of "${key}": auth is not base64 of USER:PASSWORD`, { kind: 'invalid' });
  return { username: words.slice(0, colon), password: words.slice(colon + 1).replace(/\0+$/, ''), ...name };
}

/** Asks `docker-credential-NAME get`; undefined where it knows nothing. */
function fromHelper({ credsStore, credHelpers = {} }: ConfigFile, server: string): Record<string, string> | undefined {
  const helper = Object.hasOwn(credHelpers, server) ? credHelpers[server] : credsStore;
  if (!helper) return undefined;
  const program = `docker-credential-${helper}`;
  const path = (environmentVariable('PATH') ?? '/usr/bin:/bin')
    .split(':')
    .map((directory) => `${directory}/${program}`)
    .find((file) => exists(file));
  if (path === undefined)
    throw new ProaError(`the credential helper "${program}" is in no directory of PATH`, { kind: 'not-found' });
  const [questions, question] = pipe();
  const [answer, answers] = pipe();
  const child = spawnProgram({
    path,
    args: [program, 'get'],
    environment: startBytes().environment,
    streams: [questions, answers, undefined],
  });
  questions.close();
  answers.close();
  writeAll(question.number, server);
  question.close();
  using output = answer;
  const text = textOf(readAll(output.number));
  // Helpers say that they know nothing with a status and words of their own.
  if (waitForChild(child).code !== 0) return undefined;
  const { Username = '', Secret = '' } = parseJson(text) as { Username?: string; Secret?: string };
  if (Secret === '') return undefined;
  return Username === '<token>' ? { identitytoken: Secret } : { username: Username, password: Secret };
}
