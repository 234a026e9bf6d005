import { describe, ProaError, remedyOf } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import { version } from '#common/version.ts';
import { commandLine } from '#sys/environment.ts';
import { EPIPE } from '#sys/errno.ts';
import { isErrno, type SystemError } from '#sys/errors.ts';
import { openStandardStreams } from '#sys/fd.ts';
import { writeAll } from '#sys/files.ts';
import { ignoreSignal, SIGPIPE } from '#sys/signals.ts';
import { findCommand, groups } from './catalog.ts';
import type { Command, Input, Options } from './command.ts';
import { ApiError, HelpWanted, StatusError, UsageError } from './failures.ts';
import { globalOptions, globalsOf } from './globals.ts';
import type * as help from './help.ts';
import { parseWords } from './parse.ts';
import { Session } from './session.ts';

const helpPart = lazy<typeof help>('cli-help');

/** The client: its exit status. */
export function clientMain(): number {
  try {
    openStandardStreams();
    // A reader that has gone is told by EPIPE, also of a connection.
    ignoreSignal(SIGPIPE);
    return runWords(commandLine().slice(1));
  } catch (error) {
    return report(error);
  }
}

function runWords(line: readonly string[]): number {
  const input = parseGlobals(line);
  if (typeof input === 'number') return input;
  const { words } = input;
  if (input.options.version) {
    writeAll(1, `proa version ${version}\n`);
    return 0;
  }
  const [first] = words;
  if (first === undefined || first === 'help') return helpPart().showHelp(words.slice(1));
  const found = findCommand(words);
  if (!found) return noSuchCommand(words);
  const command = found.load();
  const rest = words.slice(found.length);
  try {
    const own = parseWords(command, rest);
    checkWords(command, own, found.name);
    using session = new Session(globalsOf(input), found.name);
    return session.loop.run(() => command.run(session, own)) ?? 0;
  } catch (error) {
    if (error instanceof HelpWanted) {
      writeAll(1, helpPart().commandHelp(found, command));
      return 0;
    }
    if (!(error instanceof UsageError)) throw error;
    writeAll(
      2,
      `proa: ${error.message}\n\nUsage:  proa ${found.name} ${usageOf(command)}\n\nRun 'proa ${found.name} --help' for more information\n`,
    );
    return error.status;
  }
}

function parseGlobals(line: readonly string[]): Input<typeof globalOptions> | number {
  try {
    return parseWords({ options: globalOptions, endsOptions: true }, line);
  } catch (error) {
    if (error instanceof HelpWanted) return helpPart().showHelp([]);
    if (!(error instanceof UsageError)) throw error;
    writeAll(2, `proa: ${error.message}\n\nRun 'proa --help' for more information\n`);
    return error.status;
  }
}

function noSuchCommand(words: readonly string[]): number {
  const [first = '', second] = words;
  const isGroup = Object.hasOwn(groups, first);
  if (isGroup && (second === undefined || second === '--help' || second === '-h' || second === 'help'))
    return helpPart().showHelp([first]);
  const name = isGroup ? `${first} ${second}` : first;
  writeAll(
    2,
    `proa: unknown command: proa ${name}\n\nRun 'proa${isGroup ? ` ${first}` : ''} --help' for more information\n`,
  );
  return 1;
}

function usageOf(command: Command): string {
  const options = Object.keys(command.options).length === 0 ? '' : '[OPTIONS] ';
  return `${options}${command.usage}`;
}

function checkWords({ least, most }: Command, { words }: Pick<Input<Options>, 'words'>, name: string): void {
  const many = (count: number) => `${count} argument${count === 1 ? '' : 's'}`;
  const wrong = (what: string) => new UsageError(`'proa ${name}' ${what}`, 1);
  if (least === most && words.length !== least)
    throw wrong(least === 0 ? 'accepts no arguments' : `requires ${many(least)}`);
  if (words.length < least) throw wrong(`requires at least ${many(least)}`);
  if (most !== undefined && words.length > most) throw wrong(`requires at most ${many(most)}`);
}

/** Tells what went wrong; the exit status. */
function report(error: unknown): number {
  // As the signal would have ended it: whoever closed our output wants no words about it.
  if (isErrno(error, EPIPE) && (error as SystemError).object === 'standard output') return 128 + SIGPIPE;
  const remedy = remedyOf(error);
  const bug = error instanceof ProaError || !(error instanceof Error) ? '' : ` ${error.stack?.split('\n')[0]?.trim()}`;
  try {
    // What the engine says is said as it is: scripts know these words.
    const name = error instanceof ApiError ? '' : 'proa: ';
    writeAll(2, `${name}${describe(error)}${bug}\n${remedy ? `  try  ${remedy}\n` : ''}`);
  } catch {
    // Nobody hears us.
  }
  return error instanceof StatusError ? error.status : 1;
}
