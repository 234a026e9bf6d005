import { lazy } from '#common/lazy.ts';
import { binarySize } from '#common/units/sizes.ts';
import { version } from '#common/version.ts';
import { defineCommand } from '../command.ts';
import type * as templates from '../format/templates.ts';

interface Info {
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  ServerVersion: string;
  Driver: string;
  DriverStatus: [string, string][] | null;
  LoggingDriver: string;
  CgroupDriver: string;
  CgroupVersion?: string;
  Plugins: { Volume?: string[] | null; Network?: string[] | null; Log?: string[] | null };
  Runtimes: Record<string, unknown> | null;
  DefaultRuntime: string;
  InitBinary?: string;
  SecurityOptions: string[] | null;
  KernelVersion: string;
  OperatingSystem: string;
  OSType: string;
  Architecture: string;
  NCPU: number;
  MemTotal: number;
  Name: string;
  ID: string;
  DockerRootDir: string;
  Debug: boolean;
  ExperimentalBuild: boolean;
  RegistryConfig?: { InsecureRegistryCIDRs?: string[] | null } | null;
  LiveRestoreEnabled: boolean;
  Labels?: string[] | null;
  Warnings?: string[] | null;
}

export const command = defineCommand({
  usage: '',
  summary: 'Show what the engine is and has',
  options: { format: { kind: 'text', short: 'f', help: 'Print by a template, or json' } },
  least: 0,
  most: 0,
  subject: 'nothing',

  async run(session, { options }) {
    const info = await session.engine.get<Info>('/info');
    if (options.format) {
      const data = { ...info, ClientInfo: { Version: version, Context: 'default', Debug: session.globals.debug } };
      session.print(`${lazy<typeof templates>('cli-templates')().formatItem(data, options.format)}\n`);
      return 0;
    }
    session.print(
      `Client:\n Version:    ${version}\n Context:    default\n Debug Mode: ${session.globals.debug}\n\nServer:\n${textOfInfo(info)}`,
    );
    for (const warning of info.Warnings ?? []) session.warn(warning);
    return 0;
  },
});

function textOfInfo(info: Info): string {
  const list = (items: readonly string[] | null | undefined) => (items ?? []).join(' ');
  const lines: (string | undefined)[] = [
    `Containers: ${info.Containers}`,
    ` Running: ${info.ContainersRunning}`,
    ` Paused: ${info.ContainersPaused}`,
    ` Stopped: ${info.ContainersStopped}`,
    `Images: ${info.Images}`,
    `Server Version: ${info.ServerVersion}`,
    `Storage Driver: ${info.Driver}`,
    ...(info.DriverStatus ?? []).map(([name, value]) => ` ${name}: ${value}`),
    `Logging Driver: ${info.LoggingDriver}`,
    `Cgroup Driver: ${info.CgroupDriver}`,
    info.CgroupVersion && `Cgroup Version: ${info.CgroupVersion}`,
    'Plugins:',
    ` Volume: ${list(info.Plugins.Volume)}`,
    ` Network: ${list(info.Plugins.Network)}`,
    ` Log: ${list(info.Plugins.Log)}`,
    `Runtimes: ${Object.keys(info.Runtimes ?? {}).join(' ')}`,
    `Default Runtime: ${info.DefaultRuntime}`,
    info.InitBinary && `Init Binary: ${info.InitBinary}`,
    ...securityLines(info.SecurityOptions ?? []),
    `Kernel Version: ${info.KernelVersion}`,
    `Operating System: ${info.OperatingSystem}`,
    `OSType: ${info.OSType}`,
    `Architecture: ${info.Architecture}`,
    `CPUs: ${info.NCPU}`,
    `Total Memory: ${binarySize(info.MemTotal)}`,
    `Name: ${info.Name}`,
    `ID: ${info.ID}`,
    `Docker Root Dir: ${info.DockerRootDir}`,
    `Debug Mode: ${info.Debug}`,
    ...((info.Labels ?? []).length > 0 ? ['Labels:', ...(info.Labels ?? []).map((label) => ` ${label}`)] : []),
    `Experimental: ${info.ExperimentalBuild}`,
    'Insecure Registries:',
    ...(info.RegistryConfig?.InsecureRegistryCIDRs ?? []).map((range) => ` ${range}`),
    `Live Restore Enabled: ${info.LiveRestoreEnabled}`,
  ];
  return lines.map((line) => (line ? ` ${line}\n` : '')).join('');
}

/** `name=seccomp,profile=builtin` each: the name, and its options below it. */
function securityLines(options: readonly string[]): string[] {
  if (options.length === 0) return [];
  const lines = options.flatMap((option) => {
    const pairs = option.split(',').map((field) => field.split('=') as [string, string]);
    return pairs.map(([key, value]) =>
      key === 'name' ? ` ${value}` : `  ${key === 'profile' ? 'Profile' : key}: ${value}`,
    );
  });
  return ['Security Options:', ...lines];
}
