import { kindOf, ProaError } from '#common/errors.ts';
import type { DeviceRule } from '#common/runtime-spec/types.ts';
import { EPERM } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { decidesAll, defaultRules } from './defaults.ts';
import { readValue } from './files.ts';

const letters = 'rwm';

/** A rule for one type of device. Undefined numbers stand for all; access is a sum of 1 (r), 2 (w) and 4 (m). */
export interface PlainRule {
  allow: boolean;
  type: 'b' | 'c';
  major: number | undefined;
  minor: number | undefined;
  access: number;
}

/** The rules of a configuration, with those for "all" types as one for each, and the default rules after them. */
export function plainRules(rules: readonly DeviceRule[]): PlainRule[] {
  const all: PlainRule[] = [];
  for (const rule of rules) {
    const { allow, type = 'a', access = letters } = rule;
    const types = type === 'a' ? (['c', 'b'] as const) : [type];
    for (const each of types) {
      all.push({ allow, type: each, major: number(rule.major), minor: number(rule.minor), access: accessBits(access) });
    }
  }
  for (const line of defaultRules) {
    const [type, numbers = '', access = ''] = line.split(' ');
    const [major, minor] = numbers.split(':').map((text) => (text === '*' ? undefined : Number(text)));
    all.push({ allow: true, type: type as 'b' | 'c', major, minor, access: accessBits(access) });
  }
  return all;
}

function number(value: number | undefined): number | undefined {
  return value === undefined || value < 0 ? undefined : value;
}

function accessBits(access: string): number {
  let bits = 0;
  for (const letter of access) bits |= 1 << letters.indexOf(letter);
  return bits;
}

/** A version 1 cgroup knows one answer for all devices and a list of exceptions. */
export interface ExceptionList {
  allowed: boolean;
  /** As devices.allow and devices.deny take them. */
  exceptions: string[];
}

/**
 * The list that means the same as `rules` with the default rules after them. Throws `unsupported` where a rule takes
 * back a part of a wider exception: the kernel keeps no holes in those, and would ignore it without a word.
 */
export function exceptionList(rules: readonly DeviceRule[]): ExceptionList {
  const last = rules.findLastIndex(decidesAll);
  const allowed = rules[last]?.allow ?? false;
  if (last === rules.length - 1) return { allowed, exceptions: allowed ? [] : [...defaultRules] };
  const exceptions = new Map<string, PlainRule>();
  for (const rule of plainRules(rules.slice(last + 1))) {
    if (rule.allow === allowed) takeBack(exceptions, rule);
    else addException(exceptions, rule);
  }
  return { allowed, exceptions: [...exceptions.values()].map(textOf) };
}

function addException(exceptions: Map<string, PlainRule>, rule: PlainRule): void {
  const key = placeOf(rule);
  const known = exceptions.get(key);
  if (known) known.access |= rule.access;
  else exceptions.set(key, { ...rule });
}

function takeBack(exceptions: Map<string, PlainRule>, rule: PlainRule): void {
  for (const [key, exception] of exceptions) {
    if (exception.type !== rule.type || !(exception.access & rule.access)) continue;
    if (!meets(exception.major, rule.major) || !meets(exception.minor, rule.minor)) continue;
    if (!covers(rule.major, exception.major) || !covers(rule.minor, exception.minor)) throw holeError(rule, exception);
    exception.access &= ~rule.access;
    if (exception.access === 0) exceptions.delete(key);
  }
}

const meets = (a: number | undefined, b: number | undefined) => a === undefined || b === undefined || a === b;
const covers = (wide: number | undefined, narrow: number | undefined) => wide === undefined || wide === narrow;

function holeError(rule: PlainRule, exception: PlainRule): ProaError {
  const [verb, other] = rule.allow ? ['allow', 'denied'] : ['deny', 'allowed'];
  return new ProaError(
    `linux.resources.devices: cgroup version 1 cannot ${verb} "${textOf(rule)}" out of "${textOf(exception)}", which is ${other}`,
    { kind: 'unsupported', remedy: 'Name the devices one by one instead of the wider rule' },
  );
}

function placeOf({ type, major, minor }: PlainRule): string {
  return `${type} ${major ?? '*'}:${minor ?? '*'}`;
}

function textOf(rule: PlainRule): string {
  return `${placeOf(rule)} ${[...letters].filter((_, bit) => rule.access & (1 << bit)).join('')}`;
}

/** For hosts where nothing could hold a container to its rules. */
export function refuseRules(): never {
  throw new ProaError('linux.resources.devices: the cgroup controller "devices" is not available', {
    kind: 'unsupported',
    remedy: 'Mount it below /sys/fs/cgroup, or allow all devices',
  });
}

/**
 * Says why device rules could not be set. Returns when there is nobody to tell: inside a user namespace the kernel
 * leaves devices to the host, which lets no device file be made there anyway. user_namespaces(7).
 */
export function explainRefusal(cause: unknown, remedy?: string): void {
  if (isErrno(cause, EPERM) && inUserNamespace()) return;
  throw new ProaError('linux.resources.devices: cannot set the device rules', { kind: kindOf(cause), remedy, cause });
}

function inUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295$/.test(readValue('/proc/self/uid_map') ?? '');
}
