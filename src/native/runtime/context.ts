import type { OptionTable } from '#native/options.ts';

/** What every command knows from the options before its name. */
export interface Context {
  /** Where containers are recorded. */
  root: string;
  /** Notes for people and callers: to the log, never to the container's streams. */
  warn(text: string): void;
  /** Where everything shall be told. */
  debug?: ((text: string) => void) | undefined;
}

/** One verb of the command line. */
export interface Command {
  readonly usage: string;
  readonly options: OptionTable;
  /** Whether it runs processes that containers see: from where they cannot write then. */
  readonly detached?: true;
  /** The exit status. */
  run(context: Context, args: readonly string[]): number;
}
