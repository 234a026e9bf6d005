import { kindOf, ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import { parseOptions } from '#native/options.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { SIGKILL, statusOfReason } from '#sys/processes.ts';
import { blockAllSignals } from '#sys/signals.ts';
import type * as oom from '../cgroups/oom.ts';
import type { Context } from '../context.ts';
import { destroyContainer } from '../destroy.ts';
import type * as dryRun from '../dry-run.ts';
import { superviseProcess } from '../foreground.ts';
import type { Launched } from '../launch.ts';
import type * as consoles from '../process/console.ts';
import { runPoststart } from '../start.ts';
import type * as terminalRelay from '../terminal-relay.ts';
import { launchFrom, launchOptions } from './create.ts';
import { explained } from './explained.ts';

export const detached = true;
export const usage = 'run [options] CONTAINER';
export const options = {
  ...launchOptions,
  detach: { kind: 'flag', short: 'd', help: 'leave once the program runs' },
  keep: { kind: 'flag', help: 'keep the container’s record when it has ended' },
  'dry-run': { kind: 'flag', help: 'print what would be done as JSON, and do nothing' },
  explain: {
    kind: 'optional',
    help: 'show the steps and system calls of the start on standard error; --explain=json as data',
  },
  'no-subreaper': { kind: 'flag', help: 'do not adopt the orphans of a container without a pid namespace' },
} as const;

export function run(context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  if (parsed.flags.has('dry-run')) return lazy<typeof dryRun>('dry-run')().printPlan(context, parsed);
  const detach = parsed.flags.has('detach');
  const consoleSocket = parsed.values['console-socket'];
  // Signals for the container must not end us between its making and our waiting for it.
  blockAllSignals(true);
  let own: ReturnType<typeof consoles.ownConsole> | undefined;
  let master: OwnedFd | undefined;
  const launched = explained(context, 'run', parsed.values['explain'], (explanation) =>
    launchFrom(context, parsed, false, {
      explanation,
      subreaper: !detach && !parsed.flags.has('no-subreaper'),
      openConsole(terminal) {
        if (!terminal || consoleSocket) return undefined;
        if (detach)
          throw new ProaError('process.terminal is set: with --detach it needs --console-socket', { kind: 'invalid' });
        own = lazy<typeof consoles>('console')().ownConsole();
        return own.give;
      },
      onTerminal() {
        master = own?.receive();
      },
    }),
  );
  const { child, record } = launched;
  try {
    runPoststart(context, record, launched.hooks);
    relayReadiness(launched, detach);
    if (detach) return 0;
    const reason = master
      ? lazy<typeof terminalRelay>('terminal-relay')().superviseTerminal(child, master)
      : superviseProcess(child);
    if (reason.signal === SIGKILL) lazy<typeof oom>('oom')().tellOfMemory(record.cgroup, context.warn);
    return statusOfReason(reason);
  } finally {
    if (!detach) finish(context, launched, parsed.flags.has('keep'));
  }
}

/** Passes the program's word that it is ready on to the service manager that started us. */
function relayReadiness({ child, relay }: Launched, detach: boolean): void {
  if (!relay) return;
  if (detach) relay.relay(child.pid, child.pidfd, { untilReady: true });
  else relay.relayBeside(child);
  relay[Symbol.dispose]();
}

function finish(context: Context, { child, record, hooks }: Launched, keep: boolean): void {
  child.pidfd.close();
  try {
    destroyContainer(context, record, { keepRecord: keep, hooks });
  } catch (error) {
    // Somebody else was quicker: `delete --force` while we were on our way.
    if (kindOf(error) !== 'not-found') throw error;
  }
}
