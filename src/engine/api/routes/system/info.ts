import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, hostname, release, totalmem } from 'node:os';
import { isCgroup2 } from '../../../containers/spec/namespaces.ts';
import { foundRuntimes, OWN_RUNTIME } from '../../../core/runtimes.ts';
import { VERSION } from '../../../core/version.ts';
import { shownProxy, variableOf } from '../../../images/registry/proxies.ts';
import { ok, operation } from '../../operation.ts';

const machines: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64' };

/** Engine API, "SystemInfo". */
export const info = operation({
  method: 'GET',
  path: '/info',
  query: {},
  async answer({ engine }) {
    const containers = engine.containers.list();
    const count = (...wanted: string[]) => containers.filter(({ status }) => wanted.includes(status)).length;
    const runtimes = Object.entries(foundRuntimes()).map(([name, path]) => [name, { path }] as const);
    const { state } = engine.options;
    const { refusal } = engine.snapshots;
    const controls = controllers();
    return ok({
      ID: createHash('sha256').update(`${hostname()} ${state}`).digest('hex').slice(0, 32),
      Containers: containers.length,
      ContainersRunning: count('running', 'restarting'),
      ContainersPaused: count('paused'),
      ContainersStopped: containers.length - count('running', 'restarting', 'paused'),
      Images: (await engine.library.list()).length,
      Driver: refusal === undefined ? 'overlay2' : 'vfs',
      DriverStatus: refusal === undefined ? [['Backing Filesystem', 'overlayfs']] : [['No overlay', refusal]],
      Plugins: { Volume: ['local'], Network: ['none', 'host'], Authorization: [], Log: ['json-file', 'none'] },
      MemoryLimit: controls.includes('memory'),
      SwapLimit: controls.includes('memory'),
      CpuCfsPeriod: controls.includes('cpu'),
      CpuCfsQuota: controls.includes('cpu'),
      CPUShares: controls.includes('cpu'),
      CPUSet: controls.includes('cpuset'),
      PidsLimit: controls.includes('pids'),
      OomKillDisable: !isCgroup2(),
      IPv4Forwarding: read('/proc/sys/net/ipv4/ip_forward').trim() === '1',
      Debug: false,
      NFd: 0,
      NGoroutines: 0,
      SystemTime: new Date().toISOString(),
      LoggingDriver: 'json-file',
      CgroupDriver: 'cgroupfs',
      CgroupVersion: isCgroup2() ? '2' : '1',
      NEventsListener: engine.events.listeners,
      KernelVersion: release(),
      OperatingSystem: /^PRETTY_NAME="?(.*?)"?$/m.exec(read('/etc/os-release'))?.[1] ?? 'Linux',
      OSVersion: /^VERSION_ID="?(.*?)"?$/m.exec(read('/etc/os-release'))?.[1] ?? '',
      OSType: 'linux',
      Architecture: machines[process.arch] ?? process.arch,
      IndexServerAddress: 'https://index.docker.io/v1/',
      RegistryConfig: { InsecureRegistryCIDRs: ['127.0.0.0/8', '::1/128'], IndexConfigs: {}, Mirrors: [] },
      NCPU: cpus().length,
      MemTotal: totalmem(),
      GenericResources: [],
      DockerRootDir: state,
      HttpProxy: shownProxy(process.env, 'HTTP_PROXY'),
      HttpsProxy: shownProxy(process.env, 'HTTPS_PROXY'),
      NoProxy: variableOf(process.env, 'NO_PROXY'),
      Name: hostname(),
      Labels: [],
      ExperimentalBuild: false,
      ServerVersion: VERSION,
      Runtimes: {
        [OWN_RUNTIME]: { path: engine.options.programs.agent.replace(/agent$/, 'runtime') },
        ...Object.fromEntries(runtimes),
      },
      DefaultRuntime: OWN_RUNTIME,
      Swarm: {
        NodeID: '',
        NodeAddr: '',
        LocalNodeState: 'inactive',
        ControlAvailable: false,
        Error: '',
        RemoteManagers: null,
      },
      LiveRestoreEnabled: true,
      Isolation: '',
      InitBinary: 'proa-init',
      ContainerdCommit: { ID: '' },
      RuncCommit: { ID: '' },
      InitCommit: { ID: '' },
      SecurityOptions: ['name=seccomp,profile=builtin'],
      Warnings: [],
    });
  },
});

function controllers(): string[] {
  if (isCgroup2()) return read('/sys/fs/cgroup/cgroup.controllers').trim().split(' ');
  return ['memory', 'cpu', 'cpuset', 'pids'].filter((name) => existsSync(`/sys/fs/cgroup/${name}`));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not every machine has it.
    return '';
  }
}
