import type { ContainerConfig, HealthConfig } from '#common/docker-api/types.ts';
import type { ContainerDefaults } from '#common/image-spec/types.ts';
import { mergeEnvironment } from '../spec/process.ts';

/** What was asked for, and for what was not the image's. An entry point that was asked for does not get the image's arguments. */
export function withDefaults(asked: ContainerConfig, image: ContainerDefaults = {}): ContainerConfig {
  const { Entrypoint, Cmd, Healthcheck: health = {} } = asked;
  // An empty entry point takes the image's away: of a list with one empty word, too.
  const own = Entrypoint !== undefined && Entrypoint.length > 0;
  const entrypoint = own ? Entrypoint.filter((word, at) => at > 0 || word !== '') : image.Entrypoint;
  const command = Cmd !== undefined && Cmd.length > 0 ? Cmd : own ? undefined : image.Cmd;
  const config: ContainerConfig = {
    ...asked,
    Env: mergeEnvironment([...(image.Env ?? []), ...(asked.Env ?? [])]),
    Labels: { ...image.Labels, ...asked.Labels },
    ...optional('User', asked.User || image.User),
    ...optional('WorkingDir', asked.WorkingDir || image.WorkingDir),
    ...optional('StopSignal', asked.StopSignal || image.StopSignal),
    ...optional('Volumes', merged(image.Volumes, asked.Volumes)),
    ...optional('ExposedPorts', merged(image.ExposedPorts, asked.ExposedPorts)),
    ...optional('Healthcheck', mergedHealth(health, image.Healthcheck)),
    ...optional('Shell', asked.Shell ?? image.Shell),
  };
  delete config.Entrypoint;
  delete config.Cmd;
  return { ...config, ...optional('Entrypoint', entrypoint), ...optional('Cmd', command) };
}

function optional<K extends keyof ContainerConfig>(name: K, value: ContainerConfig[K]): Pick<ContainerConfig, never> {
  return value === undefined || (value as unknown) === '' ? {} : { [name]: value };
}

function merged(first?: Record<string, object>, second?: Record<string, object>): Record<string, object> | undefined {
  return first || second ? { ...first, ...second } : undefined;
}

function mergedHealth(asked: HealthConfig, image: HealthConfig | undefined): HealthConfig | undefined {
  if (!image) return Object.keys(asked).length > 0 ? asked : undefined;
  const wishes = Object.entries(asked).filter(([, value]) =>
    Array.isArray(value) ? value.length > 0 : Boolean(value),
  );
  return { ...image, ...Object.fromEntries(wishes) };
}
