import { describe, ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import type { Config, MemoryResources, Resources } from '#common/runtime-spec/types.ts';
import { parseResources, validateResources } from '#common/runtime-spec/validate.ts';
import { type Parsed, parseOptions } from '#native/options.ts';
import { textOf } from '#sys/bytes.ts';
import { readAll, readText, replaceFile } from '#sys/files.ts';
import { readValue } from '../cgroups/files.ts';
import { applyResources } from '../cgroups/index.ts';
import { type CgroupRecord, directoryOf } from '../cgroups/record.ts';
import type { Context } from '../context.ts';
import { statusOf } from '../state/status.ts';
import { ContainerDirectory } from '../state/store.ts';
import { onlyArgument } from './create.ts';
import { formerValues, mergeResources, withPartners } from './merge-resources.ts';
import { resourceOptions, resourcesFromOptions } from './resource-options.ts';

export const usage = 'update [options] CONTAINER';
export const options = {
  resources: {
    kind: 'value',
    short: 'r',
    help: 'file with linux.resources in place of the options below; - for standard input',
  },
  ...resourceOptions,
  'l3-cache-schema': { kind: 'value', help: 'refused: intelRdt is not supported' },
  'mem-bw-schema': { kind: 'value', help: 'refused: intelRdt is not supported' },
} as const;

export function run(context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  const id = onlyArgument(parsed, 'container ID');
  const update = readUpdate(parsed, context.warn);
  using directory = ContainerDirectory.open(context.root, id);
  const record = directory.load();
  const status = statusOf(context.root, record);
  if (record === undefined || status === 'stopped' || status === 'creating') {
    throw new ProaError(`container not running: "${id}" is ${status}`, { kind: 'conflict' });
  }
  const config = parseJson(directory.configText() ?? '{}') as Config;
  const before = validateResources(config.linux?.resources ?? {});
  const merged = mergeResources(before, update);
  const complete = withPartners(update, merged);
  if (merged.memory?.checkBeforeUpdate && complete.memory) checkUsage(record.cgroup, complete.memory);
  try {
    applyResources(record.cgroup, complete);
  } catch (error) {
    putBack(record.cgroup, formerValues(before, complete), context.warn);
    throw error;
  }
  // The configuration that is kept says what holds now: the next update starts from it.
  config.linux = { ...config.linux, resources: merged };
  replaceFile('config.json', stringifyJson(config), 0o600, directory.fd.number);
  return 0;
}

function readUpdate(parsed: Parsed, warn: (text: string) => void): Resources {
  for (const option of ['l3-cache-schema', 'mem-bw-schema']) {
    if (parsed.values[option]) {
      throw new ProaError(`option --${option}: intelRdt is not supported`, { kind: 'unsupported' });
    }
  }
  const file = parsed.values['resources'];
  const update = file
    ? parseResources(file === '-' ? textOf(readAll(0, 'standard input')) : readText(file))
    : validateResources(resourcesFromOptions(parsed));
  // As in runc: other programs may have changed the device rules of a container that runs.
  delete update.devices;
  if (update.memory?.kernel !== undefined || update.memory?.kernelTCP !== undefined) {
    warn('kernel memory limits are ignored: they can only be set before the container starts');
    delete update.memory.kernel;
    delete update.memory.kernelTCP;
  }
  return update;
}

/** config-linux.md, "Memory", checkBeforeUpdate: a limit below what is used would end processes. */
function checkUsage(cgroup: CgroupRecord, { limit = 0, swap = 0 }: MemoryResources): void {
  const file = cgroup.version === 2 ? 'memory.current' : 'memory.usage_in_bytes';
  const text = readValue(`${directoryOf(cgroup, 'memory')}/${file}`);
  if (text === undefined) return;
  for (const [field, value] of [
    ['swap', swap],
    ['limit', limit],
  ] as const) {
    if (value > 0 && BigInt(value) <= BigInt(text)) {
      throw new ProaError(`linux.resources.memory.${field}: rejecting ${value}, since ${text} bytes are in use`, {
        kind: 'conflict',
        remedy: 'Leave checkBeforeUpdate out to let the kernel make room, by ending processes if it must',
      });
    }
  }
}

function putBack(cgroup: CgroupRecord, former: Resources, warn: (text: string) => void): void {
  try {
    applyResources(cgroup, former);
  } catch (error) {
    warn(`cannot set back the former limits: ${describe(error)}`);
  }
}
