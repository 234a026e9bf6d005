import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { checkHonoured } from '#common/docker-api/limited-values.ts';
import type { HostConfig } from '#common/docker-api/types.ts';
import { dockerSeccomp } from '#common/docker-seccomp/index.ts';
import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import type { Seccomp } from '#common/runtime-spec/types.ts';

export interface SecuritySettings {
  noNewPrivileges: boolean;
  /** Undefined: every call is allowed. */
  seccomp: Seccomp | undefined;
  apparmor: string | undefined;
  maskedPaths: string[];
  readonlyPaths: string[];
}

/** Docker Engine's default specification. */
const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** What SecurityOpt asks for; what it does not name is as Docker has it. Throws `invalid` or `unsupported`, quoting the option. */
export function securitySettings(host: HostConfig, capabilities: readonly string[]): SecuritySettings {
  const { Privileged = false, SecurityOpt = [] } = host;
  const settings: SecuritySettings = {
    noNewPrivileges: false,
    seccomp: Privileged ? undefined : defaultSeccomp(capabilities),
    apparmor: undefined,
    maskedPaths: Privileged ? [] : (host.MaskedPaths ?? maskedPaths),
    readonlyPaths: Privileged ? [] : (host.ReadonlyPaths ?? readonlyPaths),
  };
  for (const option of SecurityOpt) apply(option, settings, capabilities);
  return settings;
}

function apply(option: string, settings: SecuritySettings, capabilities: readonly string[]): void {
  const [, name = option, value = ''] = /^([\w-]+)[=:](.*)$/s.exec(option) ?? [];
  switch (name) {
    case 'no-new-privileges':
      if (!['', 'true', 'false'].includes(value)) throw wrong(option);
      settings.noNewPrivileges = value !== 'false';
      break;
    case 'seccomp':
      if (value === 'unconfined') settings.seccomp = undefined;
      else if (value === 'builtin') settings.seccomp = defaultSeccomp(capabilities);
      else settings.seccomp = customSeccomp(value, capabilities);
      break;
    case 'apparmor':
      settings.apparmor = value === 'unconfined' ? undefined : apparmorProfile(option, value);
      break;
    case 'systempaths':
      if (value !== 'unconfined') throw wrong(option);
      settings.maskedPaths = [];
      settings.readonlyPaths = [];
      break;
    case 'label':
      // Without SELinux there is nothing to disable.
      checkHonoured('HostConfig.SecurityOpt.label', value);
      break;
    default:
      throw wrong(option);
  }
}

/** A profile has to be in the kernel before anything is confined by it. */
function apparmorProfile(option: string, name: string): string {
  const profiles = readIfAny('/sys/kernel/security/apparmor/profiles');
  if (readIfAny('/sys/module/apparmor/parameters/enabled')?.startsWith('Y') !== true)
    throw new ProaError(`HostConfig.SecurityOpt: "${option}": this machine has no AppArmor`, {
      kind: 'invalid',
      remedy: 'Leave it out, or ask for apparmor=unconfined',
    });
  // Each line is NAME (MODE). Where securityfs is not mounted, the kernel says it at the start.
  const loaded = profiles?.split('\n').some((line) => line.replace(/ \(\w+\)$/, '') === name);
  if (loaded === false)
    throw new ProaError(`HostConfig.SecurityOpt: "${option}": no such profile is loaded`, { kind: 'invalid' });
  return name;
}

function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function wrong(option: string): ProaError {
  return new ProaError(`HostConfig.SecurityOpt: "${option}" is invalid`, { kind: 'invalid' });
}

export function kernelVersion(): { major: number; minor: number } {
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return { major, minor };
}

function machine(): 'x86-64' | 'aarch64' {
  return process.arch === 'arm64' ? 'aarch64' : 'x86-64';
}

/** The one that was made last: most containers have the same. */
let made: { for: string; profile: Seccomp } | undefined;

function defaultSeccomp(capabilities: readonly string[]): Seccomp {
  const wanted = capabilities.join();
  if (made?.for !== wanted) {
    const profile = dockerSeccomp({ capabilities, architecture: machine(), kernel: kernelVersion() });
    made = { for: wanted, profile: profile as Seccomp };
  }
  return made.profile;
}

interface ProfileRule {
  name?: string;
  names?: string[];
  action: string;
  errnoRet?: number;
  args?: object[];
  includes?: Conditions;
  excludes?: Conditions;
}

interface Conditions {
  arches?: string[];
  caps?: string[];
  minKernel?: string;
}

interface Profile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  archMap?: { architecture: string; subArchitectures?: string[] }[];
  flags?: string[];
  listenerPath?: string;
  syscalls?: ProfileRule[];
}

const architectureNames = { 'x86-64': 'SCMP_ARCH_X86_64', aarch64: 'SCMP_ARCH_AARCH64' };
const goNames = { 'x86-64': 'amd64', aarch64: 'arm64' };

/**
 * A profile as Docker takes it: rules may be bound to capabilities, architectures and kernels. The text is the profile, or
 * names its file. docs.docker.com, "Seccomp security profiles for Docker".
 */
function customSeccomp(text: string, capabilities: readonly string[]): Seccomp {
  let profile: Profile;
  try {
    profile = parseJson(text.trimStart().startsWith('{') ? text : readFileSync(text, 'utf8')) as Profile;
  } catch (cause) {
    throw new ProaError('HostConfig.SecurityOpt: decoding seccomp profile failed', { kind: 'invalid', cause });
  }
  const { archMap, syscalls = [], ...rest } = profile;
  const own = archMap?.find(({ architecture }) => architecture === architectureNames[machine()]);
  const architectures = own ? [own.architecture, ...(own.subArchitectures ?? [])] : profile.architectures;
  return {
    ...rest,
    ...(architectures && { architectures }),
    syscalls: syscalls.filter((rule) => applies(rule, capabilities)).map(plainRule),
  } as unknown as Seccomp;
}

function plainRule({ name, names, includes: _i, excludes: _e, ...rule }: ProfileRule): object {
  const { args, ...rest } = rule;
  return { names: names ?? [name], ...rest, ...(args && args.length > 0 && { args }) };
}

function applies({ includes = {}, excludes = {} }: ProfileRule, capabilities: readonly string[]): boolean {
  const arch = goNames[machine()];
  if (includes.arches?.length && !includes.arches.includes(arch)) return false;
  if (excludes.arches?.includes(arch)) return false;
  if (includes.caps?.some((name) => !capabilities.includes(name))) return false;
  if (excludes.caps?.some((name) => capabilities.includes(name))) return false;
  if (includes.minKernel && !isAtLeast(includes.minKernel)) return false;
  return !(excludes.minKernel && isAtLeast(excludes.minKernel));
}

function isAtLeast(text: string): boolean {
  const [wantMajor = 0, wantMinor = 0] = text.split('.').map(Number);
  const { major, minor } = kernelVersion();
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}
