import type { Session } from './session.ts';

/** How the words of one option are read, and what a command finds. */
export type OptionKind = keyof Kinds;

interface Kinds {
  /** No value, but `--name=false` takes it back. */
  flag: boolean;
  /** The last one given counts. */
  text: string;
  /** Each one given counts, in their order. */
  list: string[];
  integer: number;
  decimal: number;
  /** A size, with suffixes: bytes. */
  bytes: number;
  /** A duration such as `1m30s`: nanoseconds. */
  duration: number;
}

export interface Option {
  kind: OptionKind;
  /** The letter after one dash. */
  short?: string;
  help: string;
  /** What the option means when it is not given; without it a command finds undefined (flags: false, lists: none). */
  default?: string | number | boolean;
  /** Words that completion offers as the value. */
  words?: readonly string[];
}

export type Options = Record<string, Option>;

/** The options of a command as it finds them. */
export type Values<T extends Options> = {
  [Name in keyof T]: T[Name]['kind'] extends 'flag' | 'list'
    ? Kinds[T[Name]['kind']]
    : T[Name] extends { default: string | number }
      ? Kinds[T[Name]['kind']]
      : Kinds[T[Name]['kind']] | undefined;
};

export interface Input<T extends Options> {
  options: Values<T>;
  /** Names of the options that the words of the command line held. */
  given: ReadonlySet<string>;
  words: string[];
}

/** What the words behind the options of a command name: for completion. */
export type Subject = 'container' | 'running' | 'image' | 'volume' | 'file' | 'nothing';

export interface Command<T extends Options = Options> {
  /** The words after the options, as help shows them. */
  usage: string;
  summary: string;
  options: T;
  least: number;
  /** Default: as many as there are. */
  most?: number;
  /** The options end at the first word that is none: what follows belongs to a container's program. */
  endsOptions?: boolean;
  subject?: Subject;
  /** The exit status, or nothing for 0. */
  run(session: Session, input: Input<T>): Promise<number | undefined>;
}

/** Declares a command; its options give `run` their types. */
export function defineCommand<const T extends Options>(command: Command<T>): Command {
  return command as unknown as Command;
}
