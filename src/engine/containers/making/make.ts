import { randomBytes } from 'node:crypto';
import type { ContainerConfig, CreateRequest, HostConfig } from '#common/docker-api/types.ts';
import { describe, ProaError } from '#common/errors.ts';
import type { Platform } from '#common/image-spec/types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import type { Engine } from '../../core/engine.ts';
import { findRuntime } from '../../core/runtimes.ts';
import type { Image } from '../../images/library/images.ts';
import { platformOf } from '../../images/transfer/platform-text.ts';
import { Container } from '../container.ts';
import { checkNetworkFiles } from '../files/network-files.ts';
import { rootOf } from '../life/bundle.ts';
import { healthSettings, logSettings, restartSettings, stopSignal } from '../life/request.ts';
import type { ContainerRecord } from '../record.ts';
import { containerCapabilities } from '../spec/capabilities.ts';
import { containerDevices } from '../spec/devices.ts';
import { temporaryMounts } from '../spec/mounts.ts';
import { checkShareable, containerNamespaces, namespaceFields, namespaceMode } from '../spec/namespaces.ts';
import { commandOf } from '../spec/process.ts';
import { containerLimits, containerResources } from '../spec/resources.ts';
import { securitySettings } from '../spec/security.ts';
import { containerSysctls } from '../spec/sysctls.ts';
import { withDefaults } from './defaults.ts';
import { decideMounts, giveUpMounts, type MountContext } from './mounts.ts';
import { randomName } from './names.ts';

export interface MakeOptions {
  /** Without one, it is chosen. */
  name?: string | undefined;
  /** `os/architecture`: an image for another is refused. */
  platform?: string | undefined;
}

/** Makes a container: a record, a layer to write to, and its volumes. Nothing runs. A failure leaves nothing. */
export async function makeContainer(
  engine: Engine,
  request: CreateRequest,
  { name, platform }: MakeOptions,
): Promise<{ container: Container; warnings: string[] }> {
  const {
    HostConfig: host = {},
    NetworkingConfig: _endpoints,
    ...asked
  } = request as CreateRequest & {
    NetworkingConfig?: unknown;
  };
  const image = await engine.library.find(asked.Image);
  if (platform !== undefined) checkPlatform(image, platformOf(platform));
  const config = withDefaults(asked, image.config.config);
  const id = randomBytes(32).toString('hex');
  checkWishes(engine, id, config, host);
  const ownName = claimName(engine, id, name);
  try {
    return await make(engine, { id, name: ownName, config, host: settled(engine, config, host), image });
  } catch (error) {
    engine.containers.releaseName(ownName, id);
    throw error;
  }
}

function checkPlatform({ config }: Image, { os, architecture }: Platform): void {
  if (config.os === os && config.architecture === architecture) return;
  throw new ProaError(
    `image for platform ${os}/${architecture}: the one that is here is for ${config.os}/${config.architecture}`,
    { kind: 'not-found', remedy: 'Pull it for that platform' },
  );
}

/** Everything that a start would refuse is refused now. */
function checkWishes(engine: Engine, id: string, config: ContainerConfig, host: HostConfig): void {
  commandOf(config);
  stopSignal(config);
  healthSettings(config);
  securitySettings(host, containerCapabilities(host));
  containerResources(host);
  containerLimits(host);
  containerDevices(host);
  temporaryMounts(host);
  containerSysctls(
    host,
    containerNamespaces(host, () => 0),
  );
  findRuntime(host.Runtime);
  logSettings({ id, host }, '/');
  checkNetworkFiles(config, host);
  for (const field of namespaceFields) joinedContainer(engine, host, field);
  const { policy, maximumRetries = 0 } = restartSettings(host);
  if (policy !== 'no' && host.AutoRemove)
    throw new ProaError("can't create 'AutoRemove' container with restart policy", { kind: 'invalid' });
  if (maximumRetries > 0 && !policy.startsWith('on-'))
    throw new ProaError(
      `HostConfig.RestartPolicy: maximum retry count cannot be used with restart policy '${policy}'`,
      { kind: 'invalid' },
    );
}

/** The other container that a mode names, which may be renamed later: it is known by its id from then on. */
function joinedContainer(
  engine: Engine,
  host: HostConfig,
  field: (typeof namespaceFields)[number],
): Container | undefined {
  const mode = namespaceMode(field, host[field]);
  if (mode.kind !== 'container') return undefined;
  const other = otherContainer(engine, mode.name, field);
  if (field === 'IpcMode') checkShareable(mode.name, other.record.host);
  return other;
}

/** One to share something with. Never `not-found`: a client would take that for the image, and get it. */
function otherContainer(engine: Engine, name: string, field: string): Container {
  const found = engine.containers.findIfAny(name);
  if (found) return found;
  throw new ProaError(`HostConfig.${field}: No such container: ${name}`, { kind: 'invalid' });
}

function claimName(engine: Engine, id: string, wanted: string | undefined): string {
  if (wanted !== undefined && wanted !== '') return engine.containers.claimName(wanted, id);
  for (;;) {
    const name = randomName();
    if (!engine.containers.hasName(name)) return engine.containers.claimName(name, id);
  }
}

/** As it is told afterwards: what stood for something else is what it stands for. */
function settled(engine: Engine, config: ContainerConfig, asked: HostConfig): HostConfig {
  const host = { ...asked };
  for (const field of namespaceFields) {
    const other = joinedContainer(engine, host, field);
    if (other) host[field] = `container:${other.id}`;
  }
  const network = config.NetworkDisabled ? 'none' : (host.NetworkMode ?? 'default');
  const { policy } = restartSettings(host);
  return {
    ...host,
    NetworkMode: network === 'default' || network === '' ? 'none' : network,
    RestartPolicy: { MaximumRetryCount: 0, ...host.RestartPolicy, Name: policy },
    LogConfig: { Type: host.LogConfig?.Type || 'json-file', Config: host.LogConfig?.Config ?? {} },
  };
}

async function make(
  engine: Engine,
  {
    id,
    name,
    config,
    host,
    image,
  }: { id: string; name: string; config: ContainerConfig; host: HostConfig; image: Image },
): Promise<{ container: Container; warnings: string[] }> {
  const { architecture, os, rootfs } = image.config;
  const layers = rootfs.diff_ids;
  await engine.layers.unpack(image, { content: engine.content });
  const context: MountContext = {
    id,
    volumes: engine.volumes,
    isUsed: (volume) => engine.containers.usersOf(volume).length > 0,
    mountsOf: (other) => otherContainer(engine, other, 'VolumesFrom').record.mounts,
    async image(name) {
      const found = await engine.library.find(name);
      await engine.layers.unpack(found, { content: engine.content });
      return { id: found.id, layers: found.config.rootfs.diff_ids };
    },
  };
  const mounts = await decideMounts(config, host, context);
  const record: ContainerRecord = {
    version: 1,
    id,
    name,
    created: new Date().toISOString(),
    image: {
      id: image.id,
      reference: config.Image,
      manifest: image.manifest,
      platform: `${os}/${architecture}`,
      layers,
    },
    config,
    host,
    mounts,
    started: false,
  };
  try {
    const saved = engine.records.create(record, { durably: !host.AutoRemove });
    // Meanwhile, since a start would wait for it; but a copy takes its time.
    const layered = engine.snapshots.refusal === undefined && rootOf(engine, record);
    await allSettled([saved, layered] as const);
  } catch (error) {
    const undone = await Promise.allSettled([
      engine.discards.state.discard(engine.records.directory(id)),
      giveUpMounts(mounts, context),
      engine.snapshots.remove(id),
    ]);
    for (const outcome of undone)
      if (outcome.status === 'rejected')
        process.stderr.write(
          `proad: container ${name} was not made, and is not all gone: ${describe(outcome.reason)}\n`,
        );
    throw error;
  }
  const container = new Container(record, { run: engine.options.run, listener: engine.keeper });
  engine.containers.add(container);
  engine.volumes.dropClaims(id);
  engine.keeper.tell(container, 'create');
  return { container, warnings: warningsFor(host, config) };
}

function warningsFor({ NetworkMode }: HostConfig, { ExposedPorts = {} }: ContainerConfig): string[] {
  if (NetworkMode !== 'none' || Object.keys(ExposedPorts).length === 0) return [];
  return ['There is no bridge network yet: the container has a loopback device alone, and nothing reaches its ports'];
}
