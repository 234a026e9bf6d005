import { execFile } from 'node:child_process';
import { describe, ProaError } from '#common/errors.ts';

/** Descriptors that a service manager passes begin here. sd_listen_fds(3). */
const FIRST_DESCRIPTOR = 3;
const ANSWER_MILLISECONDS = 5000;

/**
 * The listening socket that a service manager has opened for this process; undefined where it has not. What was told of
 * it is no business of the programs that are started from here. sd_listen_fds(3).
 */
export function takeListener(environment: NodeJS.ProcessEnv = process.env, pid = process.pid): number | undefined {
  const { LISTEN_FDS: count, LISTEN_PID: meant } = environment;
  for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID']) delete environment[name];
  // Of an ancestor: the descriptors are not ours.
  if (count === undefined || meant !== String(pid)) return undefined;
  if (count === '1') return FIRST_DESCRIPTOR;
  throw new ProaError(`LISTEN_FDS: expected one socket, got ${count}`, {
    kind: 'invalid',
    remedy: 'One ListenStream= in the socket unit',
  });
}

/** Tells the service manager, if there is one that wants to know. Node.js has no datagram sockets: its own tool does it. */
export async function tellReady(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  const { NOTIFY_SOCKET: socket } = environment;
  if (!socket) return;
  delete environment['NOTIFY_SOCKET'];
  const answer = await run('systemd-notify', ['--ready'], { ...environment, NOTIFY_SOCKET: socket });
  if (answer.failure !== undefined)
    process.stderr.write(`proad: cannot tell the service manager that the engine is ready: ${answer.failure}\n`);
}

/** Whether this process is a service's own, and the whole system is about to end. */
export async function systemIsStopping(environment: NodeJS.ProcessEnv = process.env, pid = process.pid) {
  // Unlike INVOCATION_ID, which everything that runs below a service inherits. systemd.exec(5).
  if (environment['SYSTEMD_EXEC_PID'] !== String(pid)) return false;
  // Every state but "running" is told by a status, too.
  const { output } = await run('systemctl', ['is-system-running'], environment);
  return output.trim() === 'stopping';
}

function run(program: string, words: string[], env: NodeJS.ProcessEnv): Promise<{ output: string; failure?: string }> {
  return new Promise((done) => {
    execFile(program, words, { env, timeout: ANSWER_MILLISECONDS }, (error, output, errors) =>
      done(error ? { output, failure: errors.trim() || describe(error) } : { output }),
    );
  });
}
