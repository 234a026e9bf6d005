import { ProaError } from '#common/errors.ts';
import { parseOptionsAlone } from '#native/options.ts';
import { runDetached } from '#sys/detached.ts';
import { commandLine } from '#sys/environment.ts';
import { openStandardStreams } from '#sys/fd.ts';
import { writeAll } from '#sys/files.ts';
import { agentFailure, runAgent } from './agent.ts';

const options = {
  run: { kind: 'value', help: 'directory for sockets and what is gone after a boot (default: /run/proa)' },
  state: { kind: 'value', help: 'directory for what stays (default: /var/lib/proa)' },
} as const;

/** The agent program: its exit status. */
export function agentMain(): number {
  try {
    openStandardStreams();
    runDetached();
    const { values } = parseOptionsAlone(options, commandLine().slice(1));
    const run = absolute(values['run'] ?? '/run/proa', 'run');
    const state = absolute(values['state'] ?? '/var/lib/proa', 'state');
    return runAgent({ run, state });
  } catch (error) {
    writeAll(2, agentFailure(error));
    return 1;
  }
}

/** Its working directory is the root, so that it keeps nobody's file system busy. */
function absolute(path: string, option: string): string {
  if (path.startsWith('/')) return path;
  throw new ProaError(`option --${option}: expected an absolute path, got "${path}"`, { kind: 'invalid' });
}
