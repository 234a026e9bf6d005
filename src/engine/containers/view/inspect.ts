import { dirname, join } from 'node:path';
import type { ContainerConfig, MountPoint } from '#common/docker-api/types.ts';
import type { Engine } from '../../core/engine.ts';
import { OWN_RUNTIME } from '../../core/runtimes.ts';
import type { Container } from '../container.ts';
import { hostNameOf, networkOwner, ownFiles } from '../files/network-files.ts';
import { logSettings } from '../life/request.ts';
import type { ContainerMount } from '../record.ts';
import { cgroupNamespaceMode } from '../spec/namespaces.ts';
import { commandOf } from '../spec/process.ts';
import { securitySettings } from '../spec/security.ts';
import { stateView } from './state.ts';

/** Engine API, "ContainerInspectResponse". */
export function inspectView(engine: Engine, container: Container) {
  const { record } = container;
  const { config, host, image } = record;
  const directory = engine.records.directory(record.id);
  const files = ownFiles(engine.bundle(networkOwner(engine.containers, record).id));
  const [path = '', ...args] = commandOf(config);
  const sessions = engine.execs.of(container).filter(({ running }) => running);
  const driver = graphDriver(engine, container);
  return {
    Id: record.id,
    Created: record.created,
    Path: path,
    Args: args,
    State: stateView(container),
    Image: image.id,
    ImageManifestDescriptor: image.manifest,
    ResolvConfPath: files.resolvConf,
    HostnamePath: files.hostname,
    HostsPath: files.hosts,
    LogPath: logSettings(record, directory).path,
    Name: `/${record.name}`,
    RestartCount: container.state?.restarts ?? 0,
    Driver: driver.Name,
    Platform: image.platform.split('/')[0],
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: securitySettings(host, []).apparmor ?? '',
    ExecIDs: sessions.length > 0 ? sessions.map(({ id }) => id) : null,
    HostConfig: hostView(container),
    GraphDriver: driver,
    Mounts: record.mounts.map(mountView),
    Config: configView(engine, container),
    NetworkSettings: networkView(container),
  };
}

/** By the names that Docker has for them. */
function graphDriver(engine: Engine, { id, record }: Container) {
  const upper = engine.snapshots.upperOf(id);
  if (upper === undefined) return { Name: 'vfs', Data: null };
  const layers = record.image.layers.map((layer) => engine.layers.path(layer as never)).reverse();
  const LowerDir = [engine.initLayer, ...layers].join(':');
  return { Name: 'overlay2', Data: { LowerDir, UpperDir: upper, WorkDir: join(dirname(upper), 'work') } };
}

export function mountView(mount: ContainerMount): MountPoint {
  const { Type, Name, Source, Destination, Driver, Mode, RW, Propagation } = mount;
  return {
    Type,
    ...(Name !== undefined && { Name }),
    Source,
    Destination,
    ...(Driver !== undefined && { Driver }),
    Mode,
    RW,
    Propagation,
  };
}

/** With what was not asked for: clients of other languages expect the fields. */
function configView(engine: Engine, { record }: Container) {
  const config: ContainerConfig = record.config;
  return {
    Hostname: hostNameOf(engine.containers, record),
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: [],
    Cmd: null,
    Entrypoint: null,
    Volumes: {},
    WorkingDir: '',
    OnBuild: null,
    Labels: {},
    ...config,
  };
}

function hostView({ record }: Container) {
  const { host } = record;
  return {
    Binds: [],
    ContainerIDFile: '',
    PortBindings: {},
    AutoRemove: false,
    VolumeDriver: '',
    VolumesFrom: [],
    ConsoleSize: [0, 0],
    CapAdd: [],
    CapDrop: [],
    Dns: [],
    DnsOptions: [],
    DnsSearch: [],
    ExtraHosts: [],
    GroupAdd: [],
    Cgroup: '',
    Links: [],
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: false,
    PublishAllPorts: false,
    ReadonlyRootfs: false,
    SecurityOpt: [],
    UTSMode: '',
    UsernsMode: '',
    Isolation: '',
    CpuShares: 0,
    Memory: 0,
    NanoCpus: 0,
    CgroupParent: '',
    BlkioWeight: 0,
    CpuPeriod: 0,
    CpuQuota: 0,
    CpusetCpus: '',
    CpusetMems: '',
    Devices: [],
    DeviceCgroupRules: [],
    DeviceRequests: [],
    MemoryReservation: 0,
    MemorySwap: 0,
    PidsLimit: null,
    Ulimits: [],
    ...host,
    ShmSize: host.ShmSize || 64 << 20,
    CgroupnsMode: cgroupNamespaceMode(host),
    IpcMode: host.IpcMode || 'private',
    Runtime: host.Runtime || OWN_RUNTIME,
    MaskedPaths: securitySettings(host, []).maskedPaths,
    ReadonlyPaths: securitySettings(host, []).readonlyPaths,
  };
}

/** The network of its mode, without addresses. Older clients expect them at the top as well. */
function networkView(container: Container) {
  const mode = container.record.host.NetworkMode ?? 'none';
  const named = mode.startsWith('container:') ? {} : { [mode]: endpointView };
  return {
    SandboxID: '',
    SandboxKey: container.isRunning && container.state?.pid ? `/proc/${container.state.pid}/ns/net` : '',
    Ports: {},
    Networks: named,
    Bridge: '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: '',
    Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    MacAddress: '',
  };
}

export const endpointView = {
  IPAMConfig: null,
  Links: [],
  Aliases: [],
  MacAddress: '',
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: [],
};
