import { describe, remedyOf } from '#common/errors.ts';
import { commandLine, environmentVariable, startBytes } from '#sys/environment.ts';
import { check, SystemError, uninterrupted } from '#sys/errors.ts';
import { writeAll } from '#sys/files.ts';
import {
  becomeSubreaper,
  isReaper,
  reapOne,
  SIGCHLD,
  sendSignal,
  setParentDeathSignal,
  statusOfReason,
} from '#sys/processes.ts';
import { read } from '#sys/raw/file.ts';
import { signalfdSiginfo } from '#sys/raw/wait.ts';
import { openSignals, signalName, takeSignals } from '#sys/signals.ts';
import { type InitOptions, parseInit } from './options.ts';
import { ownSignals } from './own-signals.ts';
import { startProgram } from './program.ts';

/** The first process of a container: its exit status. */
export function initMain(): number {
  try {
    const options = parseInit(commandLine(), environmentVariable);
    if ('text' in options) {
      writeAll(1, options.text);
      return 0;
    }
    return supervise(options);
  } catch (error) {
    const remedy = remedyOf(error);
    say(`${describe(error)}${remedy ? `\n  try  ${remedy}` : ''}`);
    return 1;
  }
}

function supervise(options: InitOptions): number {
  const { words, environment } = startBytes();
  const before = takeSignals(ownSignals);
  // Before the program is there, or its end would be missed.
  using signals = openSignals('all');
  if (options.parentDeathSignal > 0) setParentDeathSignal(options.parentDeathSignal);
  if (options.subreaper) becomeSubreaper();
  if (options.verbosity > 0 && !isReaper()) say('not process 1 and no subreaper: orphans stay zombies\n  try  -s');
  const program = startProgram(words.slice(options.program), environment, before);
  const info = new Uint8Array(signalfdSiginfo.size);
  for (;;) {
    check(
      uninterrupted(() => read(signals.number, info, info.length)),
      'read',
      'signalfd',
    );
    const signal = signalfdSiginfo.get(info, 'signo');
    if (signal !== SIGCHLD) passOn(program, signal, options);
    const status = reapAll(program, options);
    if (status !== undefined) return options.expected.has(status) ? 0 : status;
  }
}

function passOn(pid: number, signal: number, { group, verbosity }: InitOptions): void {
  const errno = sendSignal(group ? -pid : pid, signal);
  if (verbosity > 1) say(`passed ${signalName(signal)} on`);
  if (errno !== 0 && verbosity > 0)
    say(`cannot pass ${signalName(signal)} on: ${describe(new SystemError('kill', errno))}`);
}

/** Takes away everything that has ended; the status of the program if it is among that. */
function reapAll(program: number, { verbosity, warnOfReaped }: InitOptions): number | undefined {
  let status: number | undefined;
  for (;;) {
    const reaped = reapOne();
    if (!reaped) return status;
    if (reaped.pid === program) status = statusOfReason(reaped.reason);
    else if (warnOfReaped && verbosity > 0) say(`took away process ${reaped.pid}`);
  }
}

function say(text: string): void {
  try {
    writeAll(2, `proa-init: ${text}\n`);
  } catch {
    // Nobody hears us; the program goes on.
  }
}
