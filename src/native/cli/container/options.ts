import type { Option, Options } from '../command.ts';
import * as convert from './convert.ts';

/** An option of `run` and `create`: where its value goes in the request, and as what. */
export interface ContainerOption extends Option {
  /** The path of the field, such as `HostConfig.Memory`. Without one, request.ts decides. */
  field?: string;
  as?: (value: never, name: string) => unknown;
}

function own<const T extends Record<string, ContainerOption>>(table: T): T {
  return table;
}

/** What a container is made of: Docker CLI reference, `docker container create`. */
export const containerOptions = own({
  'add-host': {
    kind: 'list',
    help: 'Add a host to /etc/hosts (NAME:ADDRESS)',
    field: 'HostConfig.ExtraHosts',
    as: convert.extraHosts,
  },
  annotation: {
    kind: 'list',
    help: 'Add an annotation for the runtime (NAME=VALUE)',
    field: 'HostConfig.Annotations',
    as: convert.pairs,
  },
  attach: { kind: 'list', short: 'a', help: 'Attach to stdin, stdout or stderr', words: ['stdin', 'stdout', 'stderr'] },
  'blkio-weight': { kind: 'integer', help: 'Weight of its disk traffic, 10 to 1000', field: 'HostConfig.BlkioWeight' },
  'blkio-weight-device': {
    kind: 'list',
    help: 'The same for one device (DEVICE:WEIGHT)',
    field: 'HostConfig.BlkioWeightDevice',
    as: convert.weights,
  },
  'cap-add': { kind: 'list', help: 'Add Linux capabilities', field: 'HostConfig.CapAdd' },
  'cap-drop': { kind: 'list', help: 'Drop Linux capabilities', field: 'HostConfig.CapDrop' },
  'cgroup-parent': { kind: 'text', help: 'Cgroup to make its own in', field: 'HostConfig.CgroupParent' },
  cgroupns: {
    kind: 'text',
    help: 'Cgroup namespace: host or private',
    field: 'HostConfig.CgroupnsMode',
    words: ['host', 'private'],
  },
  cidfile: { kind: 'text', help: 'Write the id of the container to this file' },
  'cpu-period': { kind: 'integer', help: 'Period of the CPU quota, in microseconds', field: 'HostConfig.CpuPeriod' },
  'cpu-quota': { kind: 'integer', help: 'CPU time in each period, in microseconds', field: 'HostConfig.CpuQuota' },
  'cpu-rt-period': {
    kind: 'integer',
    help: 'Period of real-time tasks, in microseconds',
    field: 'HostConfig.CpuRealtimePeriod',
  },
  'cpu-rt-runtime': {
    kind: 'integer',
    help: 'Time of real-time tasks in each period, in microseconds',
    field: 'HostConfig.CpuRealtimeRuntime',
  },
  'cpu-shares': { kind: 'integer', short: 'c', help: 'Weight of its CPU time', field: 'HostConfig.CpuShares' },
  cpus: {
    kind: 'decimal',
    help: 'How many CPUs it may use, such as 1.5',
    field: 'HostConfig.NanoCpus',
    as: convert.nanoCpus,
  },
  'cpuset-cpus': { kind: 'text', help: 'CPUs that it may use, such as 0-3,5', field: 'HostConfig.CpusetCpus' },
  'cpuset-mems': { kind: 'text', help: 'Memory nodes that it may use', field: 'HostConfig.CpusetMems' },
  device: {
    kind: 'list',
    help: 'Give it a device of the host (PATH[:PATH][:rwm])',
    field: 'HostConfig.Devices',
    as: convert.devices,
  },
  'device-cgroup-rule': {
    kind: 'list',
    help: 'Add a rule about devices, such as "c 1:3 rw"',
    field: 'HostConfig.DeviceCgroupRules',
  },
  'device-read-bps': {
    kind: 'list',
    help: 'Bytes a second from a device (PATH:SIZE)',
    field: 'HostConfig.BlkioDeviceReadBps',
    as: convert.byteRates,
  },
  'device-read-iops': {
    kind: 'list',
    help: 'Operations a second from a device (PATH:NUMBER)',
    field: 'HostConfig.BlkioDeviceReadIOps',
    as: convert.rates,
  },
  'device-write-bps': {
    kind: 'list',
    help: 'Bytes a second to a device (PATH:SIZE)',
    field: 'HostConfig.BlkioDeviceWriteBps',
    as: convert.byteRates,
  },
  'device-write-iops': {
    kind: 'list',
    help: 'Operations a second to a device (PATH:NUMBER)',
    field: 'HostConfig.BlkioDeviceWriteIOps',
    as: convert.rates,
  },
  dns: { kind: 'list', help: 'Name servers', field: 'HostConfig.Dns' },
  'dns-option': { kind: 'list', help: 'Options of the resolver', field: 'HostConfig.DnsOptions' },
  'dns-search': { kind: 'list', help: 'Domains to look names up in', field: 'HostConfig.DnsSearch' },
  domainname: { kind: 'text', help: 'Domain name', field: 'Domainname' },
  entrypoint: {
    kind: 'text',
    help: 'Program in place of the image’s entry point',
    field: 'Entrypoint',
    as: convert.single,
  },
  env: { kind: 'list', short: 'e', help: 'Set an environment variable (NAME=VALUE, or NAME for ours)' },
  'env-file': { kind: 'list', help: 'Read environment variables from a file' },
  expose: { kind: 'list', help: 'Say that a port is served' },
  'group-add': { kind: 'list', help: 'Further groups of its user', field: 'HostConfig.GroupAdd' },
  'health-cmd': { kind: 'text', help: 'Command that finds out whether it is healthy' },
  'health-interval': { kind: 'duration', help: 'Time between checks', field: 'Healthcheck.Interval' },
  'health-retries': { kind: 'integer', help: 'Failures in a row that make it unhealthy', field: 'Healthcheck.Retries' },
  'health-start-interval': {
    kind: 'duration',
    help: 'Time between checks while it starts',
    field: 'Healthcheck.StartInterval',
  },
  'health-start-period': {
    kind: 'duration',
    help: 'Time in which failures do not count',
    field: 'Healthcheck.StartPeriod',
  },
  'health-timeout': { kind: 'duration', help: 'Time that one check may take', field: 'Healthcheck.Timeout' },
  hostname: { kind: 'text', short: 'h', help: 'Host name', field: 'Hostname' },
  init: {
    kind: 'flag',
    help: 'Run an init inside that passes signals on and reaps processes',
    field: 'HostConfig.Init',
  },
  interactive: { kind: 'flag', short: 'i', help: 'Keep standard input open', field: 'OpenStdin' },
  ip: { kind: 'text', help: 'IPv4 address' },
  ip6: { kind: 'text', help: 'IPv6 address' },
  ipc: { kind: 'text', help: 'IPC namespace: private, shareable, host, container:NAME', field: 'HostConfig.IpcMode' },
  isolation: { kind: 'text', help: 'Isolation technology', field: 'HostConfig.Isolation' },
  label: { kind: 'list', short: 'l', help: 'Set a label (NAME[=VALUE])' },
  'label-file': { kind: 'list', help: 'Read labels from a file' },
  link: { kind: 'list', help: 'Link to another container', field: 'HostConfig.Links' },
  'log-driver': { kind: 'text', help: 'What keeps its output', field: 'HostConfig.LogConfig.Type' },
  'log-opt': {
    kind: 'list',
    help: 'Options of that (NAME=VALUE)',
    field: 'HostConfig.LogConfig.Config',
    as: convert.pairs,
  },
  'mac-address': { kind: 'text', help: 'MAC address' },
  memory: { kind: 'bytes', short: 'm', help: 'Memory limit', field: 'HostConfig.Memory' },
  'memory-reservation': {
    kind: 'bytes',
    help: 'Memory that it keeps when there is little',
    field: 'HostConfig.MemoryReservation',
  },
  'memory-swap': { kind: 'bytes', help: 'Memory and swap together; -1: without limit', field: 'HostConfig.MemorySwap' },
  'memory-swappiness': {
    kind: 'integer',
    help: 'How readily it is swapped, 0 to 100',
    field: 'HostConfig.MemorySwappiness',
  },
  mount: {
    kind: 'list',
    help: 'Mount something (type=…,source=…,target=…)',
    field: 'HostConfig.Mounts',
    as: convert.mounts,
  },
  name: { kind: 'text', help: 'Name of the container' },
  network: { kind: 'list', help: 'Network: a name, none, host, container:NAME' },
  'network-alias': { kind: 'list', help: 'Further names in its network' },
  'no-healthcheck': { kind: 'flag', help: 'Do not do the image’s health check' },
  'oom-kill-disable': {
    kind: 'flag',
    help: 'Let it wait where it would be killed for want of memory',
    field: 'HostConfig.OomKillDisable',
  },
  'oom-score-adj': {
    kind: 'integer',
    help: 'How likely it is killed first, -1000 to 1000',
    field: 'HostConfig.OomScoreAdj',
  },
  pid: { kind: 'text', help: 'PID namespace: host, container:NAME', field: 'HostConfig.PidMode' },
  'pids-limit': {
    kind: 'integer',
    help: 'How many processes it may have; -1: without limit',
    field: 'HostConfig.PidsLimit',
  },
  platform: { kind: 'text', help: 'Platform of the image, such as linux/arm64' },
  privileged: { kind: 'flag', help: 'Give it all rights on the host', field: 'HostConfig.Privileged' },
  publish: { kind: 'list', short: 'p', help: 'Publish a port ([[ADDRESS:]PORT:]PORT[/PROTOCOL])' },
  'publish-all': {
    kind: 'flag',
    short: 'P',
    help: 'Publish all ports that it serves',
    field: 'HostConfig.PublishAllPorts',
  },
  pull: {
    kind: 'text',
    help: 'Pull the image first: always, missing or never',
    default: 'missing',
    words: ['always', 'missing', 'never'],
  },
  quiet: { kind: 'flag', short: 'q', help: 'Do not show what is pulled' },
  'read-only': { kind: 'flag', help: 'Mount its root filesystem read-only', field: 'HostConfig.ReadonlyRootfs' },
  restart: {
    kind: 'text',
    help: 'When to start it again: no, on-failure[:TIMES], always, unless-stopped',
    field: 'HostConfig.RestartPolicy',
    as: convert.restartPolicy,
    words: ['no', 'on-failure', 'always', 'unless-stopped'],
  },
  rm: { kind: 'flag', help: 'Remove it when it has ended', field: 'HostConfig.AutoRemove' },
  runtime: { kind: 'text', help: 'OCI runtime', field: 'HostConfig.Runtime' },
  'security-opt': { kind: 'list', help: 'Security options, such as seccomp=FILE' },
  'shm-size': { kind: 'bytes', help: 'Size of /dev/shm', field: 'HostConfig.ShmSize' },
  'stop-signal': { kind: 'text', help: 'Signal that ends it', field: 'StopSignal' },
  'stop-timeout': { kind: 'integer', help: 'Seconds that it has to end', field: 'StopTimeout' },
  'storage-opt': {
    kind: 'list',
    help: 'Options of the storage driver (NAME=VALUE)',
    field: 'HostConfig.StorageOpt',
    as: convert.pairs,
  },
  sysctl: {
    kind: 'list',
    help: 'Kernel parameters of its namespaces (NAME=VALUE)',
    field: 'HostConfig.Sysctls',
    as: convert.pairs,
  },
  tmpfs: { kind: 'list', help: 'Mount a tmpfs (PATH[:OPTIONS])', field: 'HostConfig.Tmpfs', as: convert.tmpfs },
  tty: { kind: 'flag', short: 't', help: 'Give it a terminal', field: 'Tty' },
  ulimit: { kind: 'list', help: 'Limits (NAME=SOFT[:HARD])', field: 'HostConfig.Ulimits', as: convert.ulimits },
  user: { kind: 'text', short: 'u', help: 'User, and group (NAME|UID[:GROUP|GID])', field: 'User' },
  userns: { kind: 'text', help: 'User namespace: host', field: 'HostConfig.UsernsMode' },
  uts: { kind: 'text', help: 'UTS namespace: host', field: 'HostConfig.UTSMode' },
  volume: { kind: 'list', short: 'v', help: 'Mount a volume or a directory ([SOURCE:]TARGET[:OPTIONS])' },
  'volume-driver': { kind: 'text', help: 'Driver of its volumes', field: 'HostConfig.VolumeDriver' },
  'volumes-from': { kind: 'list', help: 'Mount the volumes of another container', field: 'HostConfig.VolumesFrom' },
  workdir: { kind: 'text', short: 'w', help: 'Working directory', field: 'WorkingDir' },
} as const satisfies Record<string, ContainerOption>);

/** Other spellings that Docker has for some of them. */
export const otherNames: Record<string, keyof typeof containerOptions> = {
  net: 'network',
  'net-alias': 'network-alias',
  'dns-opt': 'dns-option',
};

export type ContainerOptions = typeof containerOptions & Options;
