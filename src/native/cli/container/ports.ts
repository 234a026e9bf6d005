import { UsageError } from '../failures.ts';

export interface Binding {
  HostIp: string;
  HostPort: string;
}

export interface Ports {
  /** `80/tcp` and so on, that the container serves. */
  exposed: Record<string, object>;
  bindings: Record<string, Binding[]>;
}

/** What `--publish` and `--expose` mean. Docker CLI reference, `docker run`, "Publish or expose port". */
export function portsOf(published: readonly string[], exposed: readonly string[]): Ports {
  const ports: Ports = { exposed: {}, bindings: {} };
  for (const text of published) publish(ports, text);
  for (const text of exposed) {
    const { range, protocol } = inside(text, 'expose', text);
    for (let port = range.first; port <= range.last; port++) ports.exposed[`${port}/${protocol}`] = {};
  }
  return ports;
}

function publish(ports: Ports, text: string): void {
  const spec = text.includes('=') ? fromLongForm(text) : text;
  const match = /^(?:(?:(\[[0-9a-fA-F:.%\w]*\]|[^:[\]]*):)?([^:]*):)?([^:]+)$/.exec(spec);
  if (!match) throw refuse('publish', text);
  const [, address = '', outside = '', container = ''] = match;
  const { range, protocol } = inside(container, 'publish', text);
  const host = outside === '' ? undefined : rangeOf(outside, 'publish', text);
  const count = range.last - range.first;
  const hostIp = address.replace(/^\[(.*)\]$/, '$1');
  if (host && host.last - host.first !== count && count !== 0)
    throw new UsageError(`invalid ranges specified for container and host Ports: ${container} and ${outside}`);
  for (let offset = 0; offset <= count; offset++) {
    const port = `${range.first + offset}/${protocol}`;
    let hostPort = host ? String(host.first + offset) : '';
    // One port of the container's: the engine takes a free one of the range.
    if (host && count === 0 && host.last > host.first) hostPort = `${host.first}-${host.last}`;
    ports.exposed[port] = {};
    ports.bindings[port] = [...(ports.bindings[port] ?? []), { HostIp: hostIp, HostPort: hostPort }];
  }
}

/** `published=8080,target=80,protocol=tcp,mode=host` as the short form. */
function fromLongForm(text: string): string {
  const fields = Object.fromEntries(text.split(',').map((field) => field.split('=', 2) as [string, string]));
  const { target, published = '', protocol = 'tcp', mode = 'host', ...more } = fields;
  if (target === undefined || Object.keys(more).length > 0 || !['host', 'ingress'].includes(mode))
    throw refuse('publish', text);
  return `${published}${published === '' ? '' : ':'}${target}/${protocol}`;
}

function inside(text: string, option: string, whole: string) {
  const [, numbers = '', protocol = 'tcp'] = /^([^/]*)(?:\/(.*))?$/.exec(text) ?? [];
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) throw new UsageError(`invalid proto: ${protocol}`);
  return { range: rangeOf(numbers, option, whole), protocol: protocol.toLowerCase() };
}

function rangeOf(text: string, option: string, whole: string): { first: number; last: number } {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (first === undefined || range.first > range.last || range.last > 65535) throw refuse(option, whole);
  return range;
}

function refuse(option: string, text: string): UsageError {
  return new UsageError(`invalid argument ${JSON.stringify(text)} for "--${option}" flag: invalid port`);
}
