import type { Socket } from 'node:net';
import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { describe, ProaError } from '#common/errors.ts';
import type { AttachOptions } from '#common/protocol/monitor.ts';
import { statusOfFailure } from '../../../containers/life/failure-status.ts';
import { startKind } from '../../../containers/life/start.ts';
import { execProcess, startAtMonitor } from '../../../exec/make.ts';
import { streamFrame, streamType } from '../../../logs/frames.ts';
import { detachKeysOf, join } from '../../../streams/join.ts';
import { operation } from '../../operation.ts';

const startRequest = check.object(
  {
    __proto__: null,
    Detach: check.boolean,
    Tty: check.boolean,
    ConsoleSize: check.list(check.integer(0, 0xffff)),
  },
  [],
);

/** Engine API, "ExecStart". */
export const startExec = operation({
  method: 'POST',
  path: '/exec/{id}/start',
  query: {},
  async answer({ engine, params: { id = '' }, body, takeOver, version }) {
    const session = engine.execs.get(id);
    const { container, config } = session;
    const request = checked<{ Detach?: boolean; Tty?: boolean; ConsoleSize?: number[] }>(
      startRequest,
      'request',
      (await body()) ?? {},
    );
    const { AttachStdin = false, AttachStdout = false, AttachStderr = false, Tty: tty = false } = config;
    const detachKeys = detachKeysOf(config.DetachKeys, { tty, stdin: AttachStdin });
    if (session.isClaimed) throw new ProaError(`Error: Exec command ${id} has already run`, { kind: 'conflict' });
    if (!container.hasMonitor) throw container.notRunning();
    session.isClaimed = true;
    const wishes = { stdin: AttachStdin, stdout: AttachStdout || tty, stderr: AttachStderr, patient: true };
    const process = await execProcess(engine, session, request.ConsoleSize).catch((error) => {
      // It may be tried again.
      session.isClaimed = false;
      throw error;
    });
    const run = async (streams?: AttachOptions) => {
      try {
        const { pid, program } = await startAtMonitor(session, process, streams);
        session.pid = pid;
        session.running = session.status === undefined;
        engine.keeper.tell(container, `exec_start: ${config.Cmd.join(' ')}`, { execID: id });
        return program;
      } catch (error) {
        session.running = false;
        session.status = statusOfFailure(describe(error));
        throw error;
      }
    };
    if (request.Detach) {
      await run().catch((cause) => {
        throw new ProaError(`cannot start exec ${id}`, { kind: startKind(cause), cause });
      });
      return { status: 200 };
    }
    // Before the program runs: docker-py loses what comes together with the head.
    const client = takeOver(streamType({ tty, version }));
    let program: Socket;
    try {
      program = (await run(wishes)) as Socket;
    } catch (error) {
      // Clients look for the reason in the output, and for the status where they ask how it ended.
      const text = Buffer.from(`${describe(error)}\r\n`);
      client.end(tty ? text : streamFrame('stdout', text));
      return undefined;
    }
    const onDetach = () => engine.keeper.tell(container, 'exec_detach', { execID: id });
    join(client, program, {
      detachKeys,
      onDetach,
      before: engine.execs.end(session),
    });
    return undefined;
  },
});
