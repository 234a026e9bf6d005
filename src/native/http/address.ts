import { ProaError } from '#common/errors.ts';

/** Where an engine listens. */
export type Address = { kind: 'unix'; path: string } | { kind: 'tcp'; host: string; port: number };

const DEFAULT_PORT = 2375;

/** The address meant by `unix:///run/x.sock` or `tcp://127.0.0.1:2375`. Throws `invalid` for other kinds. */
export function parseAddress(text: string): Address {
  const refuse = (why: string): never => {
    throw new ProaError(`host "${text}": ${why}`, { kind: 'invalid' });
  };
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === 'unix')
    return rest.startsWith('/') ? { kind: 'unix', path: rest } : refuse('expected an absolute path');
  if (scheme !== 'tcp' && scheme !== 'http') return refuse('expected unix://PATH or tcp://ADDRESS:PORT');
  const [, host = '', port] = /^([^:/]+)(?::(\d{1,5}))?\/?$/.exec(rest) ?? [];
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (number < 1 || number > 65535) return refuse(`"${port}" is no port`);
  if (host === 'localhost') return { kind: 'tcp', host: '127.0.0.1', port: number };
  if (!isAddress4(host)) return refuse('expected an IPv4 address, since names are not looked up');
  return { kind: 'tcp', host, port: number };
}

function isAddress4(host: string): boolean {
  const parts = host.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
}

export function addressText(address: Address): string {
  return address.kind === 'unix' ? `unix://${address.path}` : `tcp://${address.host}:${address.port}`;
}
