import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';

type Ports = Record<string, { HostIp: string; HostPort: string }[] | null>;

export const command = defineCommand({
  usage: 'CONTAINER [PRIVATE_PORT[/PROTOCOL]]',
  summary: 'List the ports of a container that are published',
  options: {},
  least: 1,
  most: 2,
  subject: 'running',

  async run(session, { words: [name = '', port] }) {
    const { NetworkSettings } = await session.engine.get<{ NetworkSettings: { Ports: Ports | null } }>(
      containerPath(name, 'json'),
    );
    const ports = NetworkSettings.Ports ?? {};
    const address = ({ HostIp, HostPort }: { HostIp: string; HostPort: string }) =>
      `${HostIp.includes(':') ? `[${HostIp}]` : HostIp}:${HostPort}`;
    if (port === undefined) {
      const lines = Object.keys(ports)
        .sort()
        .flatMap((inside) => (ports[inside] ?? []).map((binding) => `${inside} -> ${address(binding)}\n`));
      session.print(lines.join(''));
      return 0;
    }
    const bindings = ports[port.includes('/') ? port : `${port}/tcp`];
    if (!bindings || bindings.length === 0)
      throw new ProaError(`no public port '${port}' published for ${name}`, { kind: 'not-found' });
    session.print(bindings.map((binding) => `${address(binding)}\n`).join(''));
    return 0;
  },
});
