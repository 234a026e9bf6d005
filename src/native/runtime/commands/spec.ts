import { ProaError } from '#common/errors.ts';
import { parseOptions } from '#native/options.ts';
import { EEXIST } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { exists, writeFile } from '#sys/files.ts';
import { O_EXCL } from '#sys/raw/file.ts';
import { geteuid, getgid } from '#sys/raw/process.ts';
import { absolutePath } from '../bundle.ts';
import type { Context } from '../context.ts';
import { defaultConfig, rootlessConfig } from './default-config.ts';

export const usage = 'spec [options]';
export const options = {
  bundle: { kind: 'value', short: 'b', help: 'directory of the bundle (default: the working directory)' },
  rootless: { kind: 'flag', help: 'for a user without rights' },
} as const;

/** Writes a configuration to start from. */
export function run(_context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  if (parsed.rest.length > 0) throw new ProaError('expected no arguments', { kind: 'invalid' });
  const whole = defaultConfig({ cgroupVersion: exists('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1 });
  const config = parsed.flags.has('rootless') ? rootlessConfig(whole, { uid: geteuid(), gid: getgid() }) : whole;
  const file = `${absolutePath(parsed.values['bundle'] || '.')}/config.json`;
  try {
    writeFile(file, JSON.stringify(config, undefined, '\t'), { create: 0o666, flags: O_EXCL });
  } catch (cause) {
    if (!isErrno(cause, EEXIST)) throw cause;
    throw new ProaError(`File ${file} exists. Remove it first`, { kind: 'conflict' });
  }
  return 0;
}
