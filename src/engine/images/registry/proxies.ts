import { BlockList, isIP } from 'node:net';
import { ProaError } from '#common/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A place that is reached without a proxy. */
type Exception = (host: string, port: string) => boolean;

/**
 * Which proxy leads where, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, also in lower case, as Docker's daemon reads them:
 * golang.org/x/net/http/httpproxy. Nothing on this machine is reached by one.
 */
export class Proxies {
  static readonly none = new Proxies({});

  readonly #plain: URL | undefined;
  readonly #secure: URL | undefined;
  readonly #exceptions: readonly Exception[];

  /** Throws `invalid` or `unsupported`, naming the variable. */
  constructor(environment: Environment) {
    this.#plain = proxyIn(environment, 'HTTP_PROXY');
    this.#secure = proxyIn(environment, 'HTTPS_PROXY');
    this.#exceptions = exceptionsIn(variableOf(environment, 'NO_PROXY'));
  }

  /** The proxy that leads to an address, if one does. */
  for(url: URL): URL | undefined {
    const isSecure = url.protocol === 'https:';
    const proxy = isSecure ? this.#secure : this.#plain;
    if (!proxy) return undefined;
    const host = bare(url.hostname.toLowerCase()).replace(/\.$/, '');
    if (host === 'localhost' || loopback.check(host, familyOf(host))) return undefined;
    const port = url.port || (isSecure ? '443' : '80');
    return this.#exceptions.some((matches) => matches(host, port)) ? undefined : proxy;
  }
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** For a name it is never asked about. */
function familyOf(host: string): 'ipv4' | 'ipv6' {
  return isIP(host) === 6 ? 'ipv6' : 'ipv4';
}

/** An IPv6 address has brackets beside a port alone. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

export function variableOf(environment: Environment, name: string): string {
  return environment[name] || environment[name.toLowerCase()] || '';
}

function proxyIn(environment: Environment, name: string): URL | undefined {
  const text = variableOf(environment, name);
  if (text === '') return undefined;
  let url: URL;
  try {
    url = new URL(text.includes('://') ? text : `http://${text}`);
  } catch (cause) {
    throw new ProaError(`${name}: no address of a proxy`, { kind: 'invalid', cause });
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw new ProaError(`${name}: proxies of "${url.protocol}" are not supported`, {
    kind: 'unsupported',
    remedy: 'There are: http, https',
  });
}

function exceptionsIn(text: string): Exception[] {
  return text
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '')
    .map(exceptionOf);
}

function exceptionOf(word: string): Exception {
  if (word === '*') return () => true;
  const [network = '', prefix = ''] = word.split('/');
  if (/^\d+$/.test(prefix) && isIP(network)) {
    const hosts = subnet(network, Number(prefix));
    return (host) => isIP(host) !== 0 && hosts.check(host, familyOf(host));
  }
  const isAddress = isIP(word) !== 0;
  const [, name = word, port] = (isAddress ? undefined : /^(.*?)(?::(\d+))?$/.exec(word)) ?? [];
  const wanted = bare(name).replace(/^\*\./, '.');
  const domain = wanted.startsWith('.') ? wanted : `.${wanted}`;
  const isAt = (host: string) => host === wanted || (isIP(host) === 0 && host.endsWith(domain));
  return (host, at) => isAt(host) && (port === undefined || port === at);
}

function subnet(network: string, prefix: number): BlockList {
  const hosts = new BlockList();
  try {
    hosts.addSubnet(network, prefix, familyOf(network));
  } catch (cause) {
    throw new ProaError(`NO_PROXY: no network: "${network}/${prefix}"`, { kind: 'invalid', cause });
  }
  return hosts;
}

/** What a proxy is told of who asks it. */
export function proxyHeaders({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(text).toString('base64')}` };
}

/** Without what only the proxy is to know. */
export function shownProxy(environment: Environment, name: string): string {
  return variableOf(environment, name).replace(/^(\w+:\/\/)?[^@/]*@/, '$1xxxxx:xxxxx@');
}
