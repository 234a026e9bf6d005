import { statSync } from 'node:fs';
import { posix } from 'node:path';
import { checkHonoured } from '#common/docker-api/limited-values.ts';
import type { ContainerConfig, HostConfig, MountRequest } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { Volume, VolumeStore } from '../../volumes/store.ts';
import type { ContainerMount, MountedImage } from '../record.ts';

export interface MountContext {
  /** The container's id. */
  id: string;
  volumes: VolumeStore;
  /** Whether a container has that volume. */
  isUsed(volume: string): boolean;
  /** The mounts of another container, for `VolumesFrom`. */
  mountsOf(container: string): readonly ContainerMount[];
  /** An image, unpacked. Throws `not-found`. */
  image(name: string): Promise<MountedImage>;
}

/**
 * Decides every mount that a container is to have: from other containers, from `Binds` and `Mounts`, and an anonymous volume
 * for each place in `Volumes` that none of them has. Volumes that are missing are made; those without a name go again where
 * that fails. All are claimed for the container.
 */
export async function decideMounts(
  config: ContainerConfig,
  host: HostConfig,
  context: MountContext,
): Promise<ContainerMount[]> {
  const made: ContainerMount[] = [];
  try {
    return await decide(config, host, context, made);
  } catch (error) {
    await giveUpMounts(made, context);
    throw error;
  }
}

async function decide(
  config: ContainerConfig,
  host: HostConfig,
  context: MountContext,
  made: ContainerMount[],
): Promise<ContainerMount[]> {
  const found = new Map<string, ContainerMount>();
  for (const text of host.VolumesFrom ?? [])
    for (const mount of mountsFrom(text, context)) {
      if (mount.Name !== undefined) await context.volumes.claim(mount.Name, context.id);
      found.set(mount.Destination, mount);
    }
  const given = new Set<string>(Object.keys(host.Tmpfs ?? {}).map((path) => place(path, 'Tmpfs')));
  const add = (mount: ContainerMount) => {
    made.push(mount);
    if (given.has(mount.Destination))
      throw new ProaError(`Duplicate mount point: ${mount.Destination}`, { kind: 'invalid' });
    given.add(mount.Destination);
    found.set(mount.Destination, mount);
  };
  checkHonoured('HostConfig.VolumeDriver', host.VolumeDriver || 'local');
  for (const text of host.Binds ?? []) add(await fromBind(text, context));
  for (const request of host.Mounts ?? []) add(await fromRequest(request, context));
  for (const path of Object.keys(config.Volumes ?? {})) {
    const destination = place(path, 'Volumes');
    if (found.has(destination) || given.has(destination)) continue;
    const volume = await context.volumes.create({ madeFor: context.id, claimedBy: context.id });
    const mount = volumeMount(volume, destination, context, { anonymous: true });
    made.push(mount);
    found.set(destination, mount);
  }
  return [...found.values()];
}

/** Of a container that is not made after all. */
export async function giveUpMounts(
  mounts: readonly ContainerMount[],
  { id, volumes, isUsed }: Pick<MountContext, 'id' | 'volumes' | 'isUsed'>,
): Promise<void> {
  volumes.dropClaims(id);
  await removeAnonymous(mounts, volumes, isUsed);
}

/** Volumes that were made for a container and are nobody else's, when making it has failed or it goes with them. */
export async function removeAnonymous(
  mounts: readonly ContainerMount[],
  volumes: VolumeStore,
  isUsed: (name: string) => boolean,
): Promise<void> {
  for (const { anonymous, Name: name } of mounts)
    if (anonymous && name !== undefined) await volumes.remove(name, isUsed);
}

function place(path: string, field: string): string {
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, '');
  if (!clean.startsWith('/'))
    throw new ProaError(`${field}: invalid mount path: "${path}": mount path must be absolute`, { kind: 'invalid' });
  if (clean === '/')
    throw new ProaError(`${field}: invalid specification: destination can't be '/'`, { kind: 'invalid' });
  return clean;
}

function mountsFrom(text: string, { mountsOf }: MountContext): ContainerMount[] {
  const [name = '', mode = '', ...more] = text.split(':');
  if (more.length > 0 || !['', 'ro', 'rw', 'z', 'Z'].includes(mode))
    throw new ProaError(`HostConfig.VolumesFrom: "${text}": invalid mode: ${[mode, ...more].join(':')}`, {
      kind: 'invalid',
    });
  return mountsOf(name)
    .filter(({ Type }) => Type !== 'tmpfs')
    .map((mount) => {
      const { anonymous: _theirs, ...rest } = mount;
      return mode === 'ro' ? { ...rest, RW: false, Mode: 'ro' } : rest;
    });
}

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];

/** `SOURCE:DESTINATION[:OPTIONS]`, `DESTINATION`: docs.docker.com, "Bind mounts" and "Volumes". */
async function fromBind(text: string, context: MountContext): Promise<ContainerMount> {
  const parts = text.split(':');
  if (parts.length > 3 || parts.some((part) => part === ''))
    throw new ProaError(`HostConfig.Binds: invalid volume specification: "${text}"`, { kind: 'invalid' });
  const [source = '', destination] = parts.length === 1 ? [undefined, parts[0]] : parts;
  const options = (parts[2] ?? '').split(',').filter(Boolean);
  const known = ['ro', 'rw', 'z', 'Z', 'nocopy', 'consistent', 'cached', 'delegated', 'default', ...propagations];
  for (const option of options)
    if (!known.includes(option))
      throw new ProaError(`HostConfig.Binds: "${text}": invalid mode: ${option}`, { kind: 'invalid' });
  const isBind = source.startsWith('/');
  for (const rivals of [['ro', 'rw'], propagations, ['z', 'Z']])
    if (options.filter((option) => rivals.includes(option)).length > 1)
      throw new ProaError(`HostConfig.Binds: "${text}": invalid mode: ${parts[2]}`, { kind: 'invalid' });
  const strange = options.find((option) => (isBind ? option === 'nocopy' : propagations.includes(option)));
  if (strange !== undefined)
    throw new ProaError(`HostConfig.Binds: "${text}": ${strange} is not for a ${isBind ? 'bind mount' : 'volume'}`, {
      kind: 'invalid',
    });
  const at = place(destination ?? '', 'HostConfig.Binds');
  const propagation = options.find((option) => propagations.includes(option)) ?? 'rprivate';
  const shared = { RW: !options.includes('ro'), Mode: parts[2] ?? '' };
  if (isBind) {
    return {
      Type: 'bind',
      Source: posix.normalize(source),
      Destination: at,
      Propagation: propagation,
      options: ['rbind', propagation],
      makeSource: true,
      ...shared,
    };
  }
  const volume = await context.volumes.create({
    ...(source === '' ? { madeFor: context.id } : { name: source }),
    claimedBy: context.id,
  });
  return {
    ...volumeMount(volume, at, context, { anonymous: source === '', noCopy: options.includes('nocopy') }),
    ...shared,
  };
}

async function fromRequest(request: MountRequest, context: MountContext): Promise<ContainerMount> {
  const at = place(request.Target, 'HostConfig.Mounts');
  const RW = !request.ReadOnly;
  if (request.Type === 'bind') return bindRequest(request, at);
  if (request.Type === 'tmpfs') {
    if (request.Source) throw new ProaError('HostConfig.Mounts: a tmpfs has no Source', { kind: 'invalid' });
    const { SizeBytes: size = 0, Mode: mode, Options: more = [] } = request.TmpfsOptions ?? {};
    const options = ['noexec', 'nosuid', 'nodev', ...(size > 0 ? [`size=${size}`] : [])];
    if (mode !== undefined) options.push(`mode=${mode.toString(8)}`);
    options.push(...more.flat());
    return {
      Type: 'tmpfs',
      Source: '',
      Destination: at,
      Mode: '',
      RW,
      Propagation: '',
      options: RW ? options : [...options, 'ro'],
    };
  }
  if (request.Type === 'image') {
    const { Source: name = '' } = request;
    if (name === '') throw new ProaError('HostConfig.Mounts: an image mount needs a Source', { kind: 'invalid' });
    const image = await context.image(name);
    const Mode = '';
    const { Subpath: subpath = '' } = request.ImageOptions ?? {};
    const part = subpath === '' ? {} : { subpath };
    return {
      Type: 'image',
      Source: name,
      Destination: at,
      Mode,
      RW: false,
      Propagation: '',
      options: [],
      image,
      ...part,
    };
  }
  const { NoCopy: noCopy = false, Labels: labels, DriverConfig: driver = {} } = request.VolumeOptions ?? {};
  checkHonoured('HostConfig.Mounts.VolumeOptions.DriverConfig.Name', driver.Name || 'local');
  const { Subpath: subpath = '' } = request.VolumeOptions ?? {};
  if (subpath !== '' && !request.Source)
    throw new ProaError('HostConfig.Mounts.VolumeOptions.Subpath: must not be set when using anonymous volumes', {
      kind: 'invalid',
    });
  const volume = await context.volumes.create({
    ...(request.Source ? { name: request.Source } : { madeFor: context.id }),
    labels,
    options: driver.Options,
    claimedBy: context.id,
  });
  return {
    ...volumeMount(volume, at, context, { anonymous: !request.Source, noCopy: noCopy || subpath !== '' }),
    RW,
    Mode: 'z',
    ...(subpath !== '' && { subpath }),
  };
}

function bindRequest(request: MountRequest, at: string): ContainerMount {
  const { Source: source = '', BindOptions = {} } = request;
  const { Propagation: propagation = 'rprivate', NonRecursive = false, CreateMountpoint = false } = BindOptions;
  if (!source.startsWith('/'))
    throw new ProaError(`HostConfig.Mounts: invalid mount path: "${source}": mount path must be absolute`, {
      kind: 'invalid',
    });
  if (!CreateMountpoint && statSync(source, { throwIfNoEntry: false }) === undefined)
    throw new ProaError(`HostConfig.Mounts: bind source path does not exist: ${source}`, { kind: 'invalid' });
  return {
    Type: 'bind',
    Source: posix.normalize(source),
    Destination: at,
    Mode: '',
    RW: !request.ReadOnly,
    Propagation: propagation,
    options: [NonRecursive ? 'bind' : 'rbind', propagation],
    ...(CreateMountpoint && { makeSource: true }),
    ...(BindOptions.ReadOnlyNonRecursive && { shallowReadOnly: true }),
  };
}

function volumeMount(
  volume: Volume,
  destination: string,
  { volumes }: MountContext,
  { anonymous = false, noCopy = false }: { anonymous?: boolean; noCopy?: boolean },
): ContainerMount {
  return {
    Type: 'volume',
    Name: volume.name,
    Source: volumes.path(volume),
    Destination: destination,
    Driver: 'local',
    Mode: '',
    RW: true,
    Propagation: '',
    options: ['rbind', 'rprivate'],
    ...(!noCopy && { copyUp: true }),
    ...(anonymous && { anonymous: true }),
  };
}
