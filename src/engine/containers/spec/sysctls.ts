import type { HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import { parameterName, sysctlProblem } from '#common/runtime-spec/rules.ts';
import type { Namespace } from '#common/runtime-spec/types.ts';

/** In a network of its own anybody may listen on any port and send a ping: Docker Engine 20.10 and newer. */
const networkDefaults = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

/** The kernel parameters of a container with these namespaces. Throws `invalid` for what is none, or the machine's. */
export function containerSysctls({ Sysctls = {} }: HostConfig, namespaces: readonly Namespace[]) {
  const found = Object.fromEntries(namespaces.map((namespace) => [namespace.type, namespace]));
  const [pattern, what] = parameterName;
  for (const name of Object.keys(Sysctls)) {
    const problem = pattern.test(name) ? sysctlProblem(name, found) : `expected ${what} as key`;
    if (problem !== undefined)
      throw new ProaError(`HostConfig.Sysctls[${JSON.stringify(name)}]: ${problem}`, { kind: 'invalid' });
  }
  const { network } = found;
  return { ...(network && network.path === undefined && networkDefaults), ...Sysctls };
}
