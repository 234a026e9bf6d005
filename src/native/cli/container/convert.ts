// Values of options as the fields of the Engine API have them.
import { ProaError } from '#common/errors.ts';
import { bytesFromSize } from '#common/units/sizes.ts';
import { UsageError } from '../failures.ts';
import { parseMount } from './mounts.ts';

function refuse(name: string, value: string, expected: string): UsageError {
  return new UsageError(`invalid argument ${JSON.stringify(value)} for "--${name}" flag: expected ${expected}`);
}

/** `NAME=VALUE` each; a name alone has an empty value. */
export function pairs(list: readonly string[], name: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const item of list) {
    const equals = item.indexOf('=');
    if (equals === 0 || item === '') throw refuse(name, item, 'NAME=VALUE');
    found[equals < 0 ? item : item.slice(0, equals)] = equals < 0 ? '' : item.slice(equals + 1);
  }
  return found;
}

/** `NAME:ADDRESS` or `NAME=ADDRESS`. */
export function extraHosts(list: readonly string[], name: string): string[] {
  return list.map((item) => {
    const match = /^([^:=]+)[:=](.+)$/.exec(item);
    if (!match) throw refuse(name, item, 'NAME:ADDRESS');
    return `${match[1]}:${(match[2] as string).replace(/^\[(.*)\]$/, '$1')}`;
  });
}

export function nanoCpus(count: number, name: string): number {
  if (count < 0) throw refuse(name, String(count), 'a number of CPUs');
  return Math.round(count * 1e9);
}

/** An empty value takes the image's away. */
export function single(value: string): string[] {
  return [value];
}

export function restartPolicy(text: string, name: string): { Name: string; MaximumRetryCount: number } {
  const [, policy = '', count] = /^([^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (count !== undefined && !/^\d{1,9}$/.test(count)) throw refuse(name, text, 'a number of times after ":"');
  return { Name: policy, MaximumRetryCount: Number(count ?? 0) };
}

/** `PATH[:PATH[:rwm]]`, also `PATH:rwm`. */
export function devices(list: readonly string[], name: string): object[] {
  return list.map((item) => {
    const [host = '', second, third, ...more] = item.split(':');
    const isMode = second !== undefined && third === undefined && /^[rwm]{1,3}$/.test(second);
    const inside = second === undefined || second === '' || isMode ? host : second;
    const mode = (isMode ? second : third) ?? 'rwm';
    if (!host.startsWith('/') || !inside.startsWith('/') || more.length > 0 || !/^[rwm]{1,3}$/.test(mode))
      throw refuse(name, item, 'PATH[:PATH][:rwm]');
    return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: mode };
  });
}

export function weights(list: readonly string[], name: string): object[] {
  return list.map((item) => {
    const [path, weight] = ofDevice(name, item);
    if (!/^\d{1,4}$/.test(weight)) throw refuse(name, item, 'PATH:WEIGHT');
    return { Path: path, Weight: Number(weight) };
  });
}

export function rates(list: readonly string[], name: string): object[] {
  return list.map((item) => {
    const [path, rate] = ofDevice(name, item);
    if (!/^\d{1,15}$/.test(rate)) throw refuse(name, item, 'PATH:NUMBER');
    return { Path: path, Rate: Number(rate) };
  });
}

export function byteRates(list: readonly string[], name: string): object[] {
  return list.map((item) => {
    const [path, rate] = ofDevice(name, item);
    try {
      return { Path: path, Rate: bytesFromSize(rate) };
    } catch (error) {
      if (!(error instanceof ProaError)) throw error;
      throw refuse(name, item, 'PATH:SIZE');
    }
  });
}

function ofDevice(name: string, item: string): [path: string, value: string] {
  const colon = item.indexOf(':');
  if (colon < 1 || !item.startsWith('/dev/')) throw refuse(name, item, 'a path in /dev, ":" and a value');
  return [item.slice(0, colon), item.slice(colon + 1)];
}

/** `PATH[:OPTIONS]`. */
export function tmpfs(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((item) => {
      const colon = item.indexOf(':');
      return colon < 0 ? [item, ''] : [item.slice(0, colon), item.slice(colon + 1)];
    }),
  );
}

/** `NAME=SOFT[:HARD]`. */
export function ulimits(list: readonly string[], name: string): object[] {
  return list.map((item) => {
    const [, kind, soft = '', hard = soft] = /^([a-z]+)=(-?\d{1,15})(?::(-?\d{1,15}))?$/.exec(item) ?? [];
    if (kind === undefined) throw refuse(name, item, 'NAME=SOFT[:HARD]');
    const isHigher = Number(hard) !== -1 && (Number(soft) > Number(hard) || Number(soft) === -1);
    if (isHigher) throw refuse(name, item, 'a soft limit that is not above the hard one');
    return { Name: kind, Soft: Number(soft), Hard: Number(hard) };
  });
}

export function mounts(list: readonly string[]): object[] {
  return list.map(parseMount);
}
