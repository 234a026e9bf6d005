import type { Socket } from 'node:net';
import type { FilesRoot } from '#common/protocol/files.ts';
import type { AttachOptions, Requests } from '#common/protocol/monitor.ts';
import type { Process, User } from '#common/runtime-spec/types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import type { Container } from '../containers/container.ts';
import { hostNameOf } from '../containers/files/network-files.ts';
import { withFiles } from '../containers/files/with-files.ts';
import { accountsOfImage, filesOf, rootOf } from '../containers/life/bundle.ts';
import type { ContainerMount } from '../containers/record.ts';
import { containerCapabilities, hostCapabilities } from '../containers/spec/capabilities.ts';
import { capabilitySets, environmentOf, mergeEnvironment } from '../containers/spec/process.ts';
import { containerLimits } from '../containers/spec/resources.ts';
import { securitySettings } from '../containers/spec/security.ts';
import type { Engine } from '../core/engine.ts';
import type { ExecSession } from './sessions.ts';

/**
 * Runs a session's program through the container's monitor, with whoever wants its streams attached before that. Answers its
 * process and the connection that carries those.
 */
export async function startAtMonitor(
  session: ExecSession,
  process: Process,
  wishes: AttachOptions | undefined,
): Promise<{ pid: number; program: Socket | undefined }> {
  const { container, id, config } = session;
  const { AttachStdin: stdin = false, AttachStdout: stdout = false, AttachStderr: stderr = false } = config;
  const request = { process, stdin, stdout, stderr };
  if (!container.asksAtOnce) {
    const { exec } = (await container.ask('exec', request)) as { exec: string };
    session.exec = exec;
    const program = wishes && (await container.stream({ exec, ...wishes }));
    return { pid: await started(container, { exec }, program), program };
  }
  session.exec = id;
  const making = container.ask('exec', { exec: id, ...request });
  const starting = started(container, { exec: id, attached: wishes ? 1 : 0 });
  // Its connection comes after the two questions, and is heard after them.
  const attaching = wishes && container.stream({ exec: id, ...wishes });
  try {
    const [, pid, program] = await allSettled([making, starting, attaching] as const);
    return { pid, program };
  } catch (error) {
    attaching?.then((program) => program.destroy()).catch(() => {});
    throw error;
  }
}

async function started(container: Container, request: Requests['exec-start'], program?: Socket): Promise<number> {
  try {
    return ((await container.ask('exec-start', request)) as { pid: number }).pid;
  } catch (error) {
    program?.destroy();
    throw error;
  }
}

/** Like the container's program, but for what was asked for. */
export async function execProcess(
  engine: Engine,
  { container, config }: ExecSession,
  size: readonly number[] | undefined = config.ConsoleSize,
): Promise<Process> {
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
    : resolve(filesOf(await rootOf(engine, container.record), [])));
}

/** Whether something is mounted there, above or below. */
function covers(mounts: readonly ContainerMount[], directory: string): boolean {
  return mounts.some(({ Destination: at }) => at === '/' || at === directory || at.startsWith(`${directory}/`));
}
