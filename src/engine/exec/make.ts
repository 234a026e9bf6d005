import type { FilesRoot } from '#common/protocol/files.ts';
import type { Process, User } from '#common/runtime-spec/types.ts';
import type { Container } from '../containers/container.ts';
import { hostNameOf } from '../containers/files/network-files.ts';
import { withFiles } from '../containers/files/with-files.ts';
import { accountsOfImage, rootOf } from '../containers/life/bundle.ts';
import type { ContainerMount } from '../containers/record.ts';
import { containerCapabilities, hostCapabilities } from '../containers/spec/capabilities.ts';
import { capabilitySets, environmentOf, mergeEnvironment } from '../containers/spec/process.ts';
import { containerLimits } from '../containers/spec/resources.ts';
import { securitySettings } from '../containers/spec/security.ts';
import type { Engine } from '../core/engine.ts';
import type { ExecSession } from './sessions.ts';

/** Makes a session at the container's monitor, where it waits for its start. Answers its name there. */
export async function makeAtMonitor(engine: Engine, session: ExecSession, size?: number[]): Promise<string> {
  const { container, config } = session;
  const { AttachStdin: stdin = false, AttachStdout: stdout = false, AttachStderr: stderr = false } = config;
  const process = await execProcess(engine, session, size ?? config.ConsoleSize);
  const { exec } = (await container.ask('exec', { process, stdin, stdout, stderr })) as { exec: string };
  session.exec = exec;
  return exec;
}

/** Like the container's program, but for what was asked for. */
async function execProcess(engine: Engine, { container, config }: ExecSession, size?: number[]): Promise<Process> {
  const { record } = container;
  const { host } = record;
  const { Tty = false, Privileged = false } = config;
  const [height = 0, width = 0] = size ?? [];
  const capabilities = Privileged ? hostCapabilities() : containerCapabilities(host);
  const security = securitySettings(host, capabilities);
  const limits = containerLimits(host);
  const user = await execUser(engine, container, config.User || record.config.User || '');
  const env = [
    ...environmentOf({ ...record.config, Tty }, hostNameOf(engine.containers, record)),
    ...(config.Env ?? []),
  ];
  return {
    terminal: Tty,
    ...(Tty && height > 0 && width > 0 && { consoleSize: { height, width } }),
    user,
    args: config.Cmd,
    env: mergeEnvironment(env),
    cwd: config.WorkingDir ?? record.config.WorkingDir ?? '/',
    capabilities: capabilitySets(capabilities, user),
    ...(limits.length > 0 && { rlimits: limits }),
    noNewPrivileges: security.noNewPrivileges,
    ...(security.apparmor !== undefined && { apparmorProfile: security.apparmor }),
  };
}

/** Who a session runs as, by the container's own files. Throws `invalid` for a name that is not there. */
export async function execUser(engine: Engine, container: Container, text: string): Promise<User> {
  const { mounts, host } = container.record;
  const image = covers(mounts, '/etc') ? undefined : accountsOfImage(engine, container);
  const resolve = (root: FilesRoot) => engine.accounts.resolve(text, root, { image, added: host.GroupAdd });
  return await (image === undefined
    ? withFiles(engine, container, resolve)
    : resolve({ overlay: await rootOf(engine, container), mounts: [] }));
}

/** Whether something is mounted there, above or below. */
function covers(mounts: readonly ContainerMount[], directory: string): boolean {
  return mounts.some(({ Destination: at }) => at === '/' || at === directory || at.startsWith(`${directory}/`));
}
