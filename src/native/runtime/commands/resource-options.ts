import { ProaError } from '#common/errors.ts';
import type { OptionTable, Parsed } from '#native/options.ts';
import { bytesFromSize } from './size.ts';

/** Where each option's value goes in `linux.resources`, and how it is written. */
const fields: Record<string, readonly [section: string, field: string, kind: 'number' | 'size' | 'text']> = {
  'blkio-weight': ['blockIO', 'weight', 'number'],
  'cpu-period': ['cpu', 'period', 'number'],
  'cpu-quota': ['cpu', 'quota', 'number'],
  'cpu-burst': ['cpu', 'burst', 'number'],
  'cpu-share': ['cpu', 'shares', 'number'],
  'cpu-rt-period': ['cpu', 'realtimePeriod', 'number'],
  'cpu-rt-runtime': ['cpu', 'realtimeRuntime', 'number'],
  'cpu-idle': ['cpu', 'idle', 'number'],
  'cpuset-cpus': ['cpu', 'cpus', 'text'],
  'cpuset-mems': ['cpu', 'mems', 'text'],
  memory: ['memory', 'limit', 'size'],
  'memory-reservation': ['memory', 'reservation', 'size'],
  'memory-swap': ['memory', 'swap', 'size'],
  'kernel-memory': ['memory', 'kernel', 'size'],
  'kernel-memory-tcp': ['memory', 'kernelTCP', 'size'],
  'pids-limit': ['pids', 'limit', 'number'],
};

export const resourceOptions = {
  'blkio-weight': { kind: 'value', help: 'weight among others for block devices, 10 to 1000' },
  'cpu-period': { kind: 'value', help: 'microseconds in which the quota may be used' },
  'cpu-quota': { kind: 'value', help: 'microseconds of processor time in each period; -1 for no limit' },
  'cpu-burst': { kind: 'value', help: 'microseconds that may be saved up for later periods' },
  'cpu-share': { kind: 'value', help: 'weight among others for processors' },
  'cpu-rt-period': { kind: 'value', help: 'the same as cpu-period, for realtime processes' },
  'cpu-rt-runtime': { kind: 'value', help: 'the same as cpu-quota, for realtime processes' },
  'cpu-idle': { kind: 'value', help: '1 to run only when nobody else wants to' },
  'cpuset-cpus': { kind: 'value', help: 'processors to run on, such as 0-3,7' },
  'cpuset-mems': { kind: 'value', help: 'memory nodes to use, such as 0' },
  memory: { kind: 'value', help: 'memory, such as 512m; -1 for no limit' },
  'memory-reservation': { kind: 'value', help: 'memory that is kept when memory is scarce' },
  'memory-swap': { kind: 'value', help: 'memory and swap together; -1 for no limit of swap' },
  'kernel-memory': { kind: 'value', help: 'ignored, as kernels since 5.16 do' },
  'kernel-memory-tcp': { kind: 'value', help: 'ignored' },
  'pids-limit': { kind: 'value', help: 'processes and threads; -1 for no limit' },
} as const satisfies OptionTable;

/** What options ask for, in the form of `linux.resources`, to be validated as that. Empty values ask for nothing. */
export function resourcesFromOptions({ values }: Parsed): Record<string, Record<string, unknown>> {
  const resources: Record<string, Record<string, unknown>> = {};
  for (const [option, [section, field, kind]] of Object.entries(fields)) {
    const text = values[option];
    if (!text) continue;
    const value = kind === 'text' ? text : kind === 'size' ? bytesFromSize(text) : integer(text);
    if (value === undefined) {
      const expected = kind === 'size' ? 'a size such as 512m, or -1' : 'a whole number';
      throw new ProaError(`option --${option}: expected ${expected}, got "${text}"`, { kind: 'invalid' });
    }
    let fieldsOfSection = resources[section];
    if (!fieldsOfSection) {
      fieldsOfSection = {};
      resources[section] = fieldsOfSection;
    }
    fieldsOfSection[field] = typeof value === 'bigint' ? narrow(value) : value;
  }
  return resources;
}

function integer(text: string): bigint | undefined {
  return /^-?\d{1,20}$/.test(text) ? BigInt(text) : undefined;
}

/** 64-bit quantities are numbers while those are exact. */
function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
