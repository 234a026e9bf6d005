import { join } from 'node:path';
import { checkHonoured } from '#common/docker-api/limited-values.ts';
import type { ContainerConfig, HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { ContainerRequest, HealthSettings, LogSettings, RestartSettings } from '#common/protocol/container.ts';
import { signalNumber } from '#common/signals.ts';
import { findRuntime } from '../../core/runtimes.ts';
import { bytesFromSize } from '../../core/sizes.ts';
import type { SnapshotRoot } from '../../images/layers/snapshots.ts';
import type { ContainerRecord } from '../record.ts';

export interface RequestPlaces {
  bundle: string;
  root: SnapshotRoot;
  /** Of the container's own files, its log among them. */
  directory: string;
}

/** What the agent is asked for a container of the Docker API: its monitor waits for those who want to hear it first. */
export function containerRequest(
  record: ContainerRecord,
  { bundle, root, directory }: RequestPlaces,
): ContainerRequest {
  const { id, config, host } = record;
  const health = healthSettings(config);
  const runtime = findRuntime(host.Runtime);
  const stop = {
    signal: stopSignal(config),
    ...(config.StopTimeout !== undefined && { graceSeconds: graceSeconds(config.StopTimeout) }),
  };
  return {
    id,
    bundle,
    start: false,
    late: true,
    // Whoever leaves a terminal may come back to it.
    stdin: config.OpenStdin ? (config.StdinOnce && !config.Tty ? 'once' : 'open') : 'none',
    log: logSettings(record, directory),
    restart: restartSettings(host),
    ...(health && { health }),
    stop,
    ...(root.kind === 'overlay' && { overlay: root.overlay }),
    ...(host.Init && { init: true }),
    ...(runtime && { runtime }),
    ...(host.AutoRemove && { removeOnExit: true }),
  };
}

const LONGEST = 0x1fffff;

/** Docker's -1 is without limit. */
export function graceSeconds(seconds: number): number {
  return seconds < 0 ? LONGEST : Math.min(seconds, LONGEST);
}

export function stopSignal({ StopSignal = 'SIGTERM' }: ContainerConfig): number {
  const number = signalNumber(StopSignal);
  if (number) return number;
  throw new ProaError(`StopSignal: invalid signal: ${StopSignal}`, { kind: 'invalid' });
}

export function restartSettings({ RestartPolicy = {} }: HostConfig): RestartSettings {
  const { Name, MaximumRetryCount = 0 } = RestartPolicy;
  const policy = (Name || 'no') as RestartSettings['policy'];
  return MaximumRetryCount > 0 ? { policy, maximumRetries: MaximumRetryCount } : { policy };
}

const LOG_BYTES = 10 << 20;
const LOG_FILES = 5;
const logOptions = ['max-size', 'max-file', 'compress'];

/** docs.docker.com, "JSON File logging driver"; rotated unless that is asked not to be. */
export function logSettings({ id, host }: Pick<ContainerRecord, 'id' | 'host'>, directory: string): LogSettings {
  const { Type = 'json-file', Config: options = {} } = host.LogConfig ?? {};
  const path = join(directory, `${id}-json.log`);
  const driver = Type || 'json-file';
  if (driver === 'none') return { format: 'none', path: '', maximumBytes: 0, files: 1, compress: false };
  checkHonoured('HostConfig.LogConfig.Type', driver);
  for (const name of Object.keys(options)) {
    checkHonoured('HostConfig.LogConfig.Config', name);
    if (!logOptions.includes(name))
      throw new ProaError(`HostConfig.LogConfig.Config: unknown log opt '${name}' for json-file log driver`, {
        kind: 'invalid',
      });
  }
  const size = options['max-size'];
  const files = Number(options['max-file'] ?? (size === '-1' ? 1 : LOG_FILES));
  if (!Number.isInteger(files) || files < 1 || files > 1000)
    throw new ProaError(`HostConfig.LogConfig.Config: max-file: expected 1 to 1000, got "${options['max-file']}"`, {
      kind: 'invalid',
    });
  return {
    format: 'json-file',
    path,
    maximumBytes:
      size === undefined ? LOG_BYTES : size === '-1' ? 0 : bytesFromSize(size, 'HostConfig.LogConfig.Config: max-size'),
    files,
    compress: options['compress'] === 'true',
  };
}

/** Docker's defaults, in milliseconds. */
const healthDefaults = { interval: 30_000, timeout: 30_000, startPeriod: 0, startInterval: 5000, retries: 3 };

export function healthSettings({ Healthcheck, Shell }: ContainerConfig): HealthSettings | undefined {
  const [kind, ...rest] = Healthcheck?.Test ?? [];
  if (!Healthcheck || kind === undefined || kind === 'NONE') return undefined;
  const milliseconds = (nanoseconds: number | undefined, otherwise: number) =>
    nanoseconds ? Math.ceil(nanoseconds / 1e6) : otherwise;
  return {
    args: kind === 'CMD-SHELL' ? [...(Shell ?? ['/bin/sh', '-c']), ...rest] : rest,
    interval: milliseconds(Healthcheck.Interval, healthDefaults.interval),
    timeout: milliseconds(Healthcheck.Timeout, healthDefaults.timeout),
    retries: Healthcheck.Retries || healthDefaults.retries,
    startPeriod: milliseconds(Healthcheck.StartPeriod, healthDefaults.startPeriod),
    startInterval: milliseconds(Healthcheck.StartInterval, healthDefaults.startInterval),
  };
}
