import { readFileSync } from 'node:fs';
import { ProaError } from '#common/errors.ts';

const kinds = {
  CpusetCpus: { path: '/sys/devices/system/cpu/online', what: 'CPUs' },
  CpusetMems: { path: '/sys/devices/system/node/online', what: 'memory nodes' },
} as const;

/**
 * A list such as `0-3,7`, as it was asked for. Throws `invalid` for a range that ends before it begins, and for
 * what is not there. `onMachine`: what is there; default: what is online on this machine.
 */
export function cpuset(field: keyof typeof kinds, text: string | undefined, onMachine?: string): string | undefined {
  if (text === undefined || text === '') return undefined;
  const asked = rangesOf(text);
  const backwards = asked.find(({ first, last }) => first > last);
  if (backwards)
    throw new ProaError(`HostConfig.${field}: invalid range ${backwards.first}-${backwards.last} in "${text}"`, {
      kind: 'invalid',
    });
  const { what, path } = kinds[field];
  const available = onMachine ?? onlineAt(path);
  const there = rangesOf(available);
  const isThere = (number: number) => there.some(({ first, last }) => first <= number && number <= last);
  for (const { first, last } of asked)
    for (let number = first; number <= last; number++)
      if (!isThere(number))
        throw new ProaError(
          `HostConfig.${field}: Requested ${what} are not available - requested ${text}, available: ${available}`,
          { kind: 'invalid' },
        );
  return text;
}

/** A kernel without NUMA has one node, and no list of them. */
function onlineAt(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '0';
  }
}

function rangesOf(text: string): { first: number; last: number }[] {
  return text.split(',').map((part) => {
    const [first = '', last = first] = part.split('-');
    return { first: Number(first), last: Number(last) };
  });
}
