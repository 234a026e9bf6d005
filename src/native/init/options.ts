import { ProaError } from '#common/errors.ts';
import { signalNumber } from '#sys/signals.ts';

export interface InitOptions {
  /** Orphans come to this process although it is not the first of its pid namespace. */
  subreaper: boolean;
  /** Signals go to the program's process group rather than to the program alone. */
  group: boolean;
  /** Sent to this process when its parent ends; 0: none. */
  parentDeathSignal: number;
  /** Statuses of the program that count as 0. */
  expected: ReadonlySet<number>;
  /** 0: failures alone, 1: warnings, 2 and more: what happens. */
  verbosity: number;
  warnOfReaped: boolean;
  /** Where the program stands among the words. */
  program: number;
}

/** What a command line of tini's means, or the text that it asks for. Its options end before the first other word. */
export function parseInit(
  words: readonly string[],
  variable: (name: string) => string | undefined,
): InitOptions | { text: string } {
  if (words.length === 2 && words[1] === '--version') return { text: version };
  const verbosity = variable('TINI_VERBOSITY');
  const expected = new Set<number>();
  const options = {
    subreaper: variable('TINI_SUBREAPER') !== undefined,
    group: variable('TINI_KILL_PROCESS_GROUP') !== undefined,
    parentDeathSignal: 0,
    expected,
    verbosity: verbosity === undefined ? 1 : Number.parseInt(verbosity, 10) || 0,
    warnOfReaped: false,
    program: 1,
  };
  for (; ; options.program++) {
    const word = words[options.program];
    if (word === undefined) throw usageError('no program is given');
    if (word === '--') {
      options.program++;
      break;
    }
    if (word === '-' || word[0] !== '-') break;
    for (let at = 1; at < word.length; at++) {
      const letter = word[at] as string;
      if (letter === 'h') return { text: help };
      if (letter === 's') options.subreaper = true;
      else if (letter === 'g') options.group = true;
      else if (letter === 'v') options.verbosity++;
      else if (letter === 'w') options.warnOfReaped = true;
      else if (letter !== 'p' && letter !== 'e') throw usageError(`unknown option "-${letter}"`);
      else {
        const value = word.slice(at + 1) || words[++options.program];
        if (value === undefined) throw usageError(`option -${letter} needs a value`);
        if (letter === 'p') options.parentDeathSignal = deathSignal(value);
        else expected.add(status(value));
        break;
      }
    }
  }
  if (words[options.program] === undefined) throw usageError('no program is given');
  return options;
}

function deathSignal(text: string): number {
  const number = /^\d/.test(text) ? undefined : signalNumber(text);
  if (number === undefined) throw usageError(`option -p: expected the name of a signal, got "${text}"`);
  return number;
}

function status(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 255)
    throw usageError(`option -e: expected a status from 0 to 255, got "${text}"`);
  return Number(text);
}

function usageError(message: string): ProaError {
  return new ProaError(message, { kind: 'invalid', remedy: 'See -h for the options' });
}

const version = 'proa-init version 0.1.0\n';

const help = `Usage: proa-init [OPTIONS] [--] PROGRAM [ARGUMENTS]

Runs a program as the first process of a container should: passes signals on to it, takes away orphans that have ended,
and leaves with the program's status. The options are tini's.

  -s         take orphans without being process 1 (TINI_SUBREAPER)
  -g         send signals to the program's process group (TINI_KILL_PROCESS_GROUP)
  -p SIGNAL  get this signal when the parent ends
  -e STATUS  leave with 0 when the program leaves with this; may be given several times
  -v         say more; may be given several times (TINI_VERBOSITY)
  -w         warn of each orphan that is taken away
  -h         print this text
  --version  print the version
`;
