import { ok, operation } from '../../operation.ts';

/** Engine API, "ExecInspect". */
export const inspectExec = operation({
  method: 'GET',
  path: '/exec/{id}/json',
  query: {},
  answer({ engine, params: { id = '' } }) {
    const { container, config, running, pid, status } = engine.execs.get(id);
    const { Cmd, Tty = false, User = '', Privileged = false, AttachStdin, AttachStdout, AttachStderr } = config;
    const [entrypoint = '', ...args] = Cmd;
    return ok({
      ID: id,
      Running: running,
      ExitCode: status ?? null,
      ProcessConfig: { tty: Tty, entrypoint, arguments: args, privileged: Privileged, ...(User && { user: User }) },
      OpenStdin: AttachStdin ?? false,
      OpenStderr: AttachStderr ?? false,
      OpenStdout: AttachStdout ?? false,
      CanRemove: false,
      ContainerID: container.id,
      DetachKeys: '',
      Pid: pid,
    });
  },
});
