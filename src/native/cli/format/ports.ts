export interface Port {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** Published and served ports in one line, neighbours joined to ranges: `0.0.0.0:8080-8082->80-82/tcp, 443/tcp`. */
export function portsText(ports: readonly Port[]): string {
  const sorted = [...ports].sort(order);
  const groups = new Map<string, { first: number; last: number; isPublic: boolean }>();
  const published: string[] = [];
  const served: string[] = [];
  const close = (key: string) => {
    const group = groups.get(key);
    if (!group) return;
    const [address, protocol] = key.split('|') as [string, string];
    const range = group.first === group.last ? `${group.first}` : `${group.first}-${group.last}`;
    if (group.isPublic) published.push(`${address}:${range}->${range}/${protocol}`);
    else served.push(`${range}/${protocol}`);
    groups.delete(key);
  };
  for (const { IP = '', PrivatePort, PublicPort, Type } of sorted) {
    const address = IP.includes(':') ? `[${IP}]` : IP;
    if (PublicPort && PublicPort !== PrivatePort) {
      published.push(`${address}:${PublicPort}->${PrivatePort}/${Type}`);
      continue;
    }
    const key = `${PublicPort ? address : ''}|${Type}`;
    const group = groups.get(key);
    if (group && PrivatePort === group.last + 1) {
      group.last = PrivatePort;
      continue;
    }
    close(key);
    groups.set(key, { first: PrivatePort, last: PrivatePort, isPublic: Boolean(PublicPort) });
  }
  for (const key of [...groups.keys()]) close(key);
  return [...served, ...published].join(', ');
}

function order(a: Port, b: Port): number {
  if (a.PrivatePort !== b.PrivatePort) return a.PrivatePort - b.PrivatePort;
  if ((a.IP ?? '') !== (b.IP ?? '')) return (a.IP ?? '') < (b.IP ?? '') ? -1 : 1;
  if ((a.PublicPort ?? 0) !== (b.PublicPort ?? 0)) return (a.PublicPort ?? 0) - (b.PublicPort ?? 0);
  return a.Type < b.Type ? -1 : 1;
}
