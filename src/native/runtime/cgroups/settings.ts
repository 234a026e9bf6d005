import { kindOf, ProaError } from '#common/errors.ts';
import type { Integer64, RdmaLimit } from '#common/runtime-spec/types.ts';
import { EBUSY, EINVAL, ENOENT } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { writeFile } from '#sys/files.ts';
import { readValue } from './files.ts';

/** One value of `linux.resources`, as the kernel takes it. */
export interface Setting {
  /** The field below `linux.resources` that asks for it. */
  field: string;
  /** In the container's cgroup; up to its first dot, the name of the controller. */
  file: string;
  value: string;
  /** In place of a file that this kernel lacks: another that means the same, or nothing. */
  otherwise?: { file: string; value: string } | 'nothing';
}

/** Finds the container's directory in a controller; undefined where the host does not have it. */
export type FindDirectory = (controller: string) => string | undefined;

/**
 * Sets values in order. Some are checked against each other (memory with swap, a quota with its period), and which must
 * come first depends on those before: what the kernel refuses as invalid is tried once more after all others.
 */
export function applySettings(settings: readonly Setting[], find: FindDirectory): void {
  const refused: Setting[] = [];
  for (const setting of settings) {
    const error = set(setting, find);
    if (error === undefined) continue;
    if (!isErrno(error, EINVAL)) throw failure(setting, find, error);
    refused.push(setting);
  }
  for (const setting of refused) {
    const error = set(setting, find);
    if (error !== undefined) throw failure(setting, find, error);
  }
}

/** A setting of a number; absent and zero ask for nothing, as in runc. */
export function numberSetting(
  field: string,
  file: string,
  value: number | bigint | undefined,
  otherwise?: Setting['otherwise'],
): Setting[] {
  return value ? [setting(field, file, String(value), otherwise)] : [];
}

export function setting(field: string, file: string, value: string, otherwise?: Setting['otherwise']): Setting {
  return otherwise === undefined ? { field, file, value } : { field, file, value, otherwise };
}

function set({ file, value, otherwise }: Setting, find: FindDirectory): unknown {
  const directory = find(controllerOf(file));
  if (directory === undefined && otherwise === 'nothing') return undefined;
  try {
    writeFile(`${directory ?? ''}/${file}`, value);
    return undefined;
  } catch (error) {
    if (otherwise === undefined || !isErrno(error, ENOENT)) return error;
    if (otherwise === 'nothing') return undefined;
    return set({ field: '', ...otherwise }, find);
  }
}

export function controllerOf(file: string): string {
  return file.slice(0, file.indexOf('.'));
}

function failure({ field, file, value }: Setting, find: FindDirectory, cause: unknown): ProaError {
  const controller = controllerOf(file);
  const path = `linux.resources.${field}`;
  const directory = find(controller);
  if (directory === undefined || (isErrno(cause, ENOENT) && !offers(directory, controller))) {
    return new ProaError(`${path}: the cgroup controller "${controller}" is not available`, {
      kind: 'unsupported',
      remedy: 'Leave the field out, or let the host and the parent cgroup offer the controller',
      cause: directory === undefined ? undefined : cause,
    });
  }
  if (isErrno(cause, ENOENT)) {
    return new ProaError(`${path}: this kernel has no "${file}"`, {
      kind: 'unsupported',
      remedy: 'Leave the field out',
      cause,
    });
  }
  const remedy = controller === 'memory' ? memoryRemedy(directory, cause) : undefined;
  return new ProaError(`${path}: cannot set ${JSON.stringify(value)}`, { kind: kindOf(cause), remedy, cause });
}

/** The kernel gives bare numbers for two usual reasons: mem_cgroup_resize_max() in mm/memcontrol-v1.c. */
function memoryRemedy(directory: string, cause: unknown): string | undefined {
  if (isErrno(cause, EINVAL)) return 'Memory cannot exceed memory and swap together: name both limits';
  const usage = isErrno(cause, EBUSY) ? readValue(`${directory}/memory.usage_in_bytes`) : undefined;
  return usage && `The container uses ${usage} bytes now: choose more, or make it use less`;
}

/** In a version 1 hierarchy the controller is there with its directory; version 2 lists what the parent gave. */
function offers(directory: string, controller: string): boolean {
  const offered = readValue(`${directory}/cgroup.controllers`);
  return offered === undefined || controller === 'cgroup' || offered.split(' ').includes(controller);
}

/** As runc: 0 would keep a version 2 cgroup from having even the first process, and 1 means the same beyond that. */
export function pidsMaximum(limit: Integer64): string {
  if (limit < 0) return 'max';
  return limit > 0 ? String(limit) : '1';
}

/** The same file in both versions. */
export function rdmaSettings(rdma: Record<string, RdmaLimit>): Setting[] {
  return Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) => {
    const words = [device];
    if (hcaHandles !== undefined) words.push(`hca_handle=${hcaHandles}`);
    if (hcaObjects !== undefined) words.push(`hca_object=${hcaObjects}`);
    return setting(`rdma[${JSON.stringify(device)}]`, 'rdma.max', words.join(' '));
  });
}
