// The door through which configurations of others enter: inside, the types are trusted.
import { parseRounding, parseSlowly } from '#common/json/parse.ts';
import { type Check, Fault, locate } from '../check/check.ts';
import { dropUnknownCapabilities } from './capabilities.ts';
import { document } from './document.ts';
import { process } from './process.ts';
import { resources } from './resources.ts';
import { brokenRule } from './rules.ts';
import { seccomp } from './seccomp.ts';
import type { Config, Process, Resources, RunnableConfig, Seccomp } from './types.ts';

export interface ValidateOptions {
  /** Receives one line for each thing that is ignored though its writer meant something by it; dropped by default. */
  warnings?: string[];
  /** Whether `root` and `process` must be there, as for a container to be created; false by default. */
  runnable?: boolean;
}

type Runnable = ValidateOptions & { runnable: true };

/**
 * config.json as a Config; the same object, from which nulls, empty optional strings and unknown capabilities have been
 * deleted, and in which `process.user` is filled in. Throws `invalid` for what is wrong and `unsupported` for what is
 * not built, with a message that begins with the path of the field: `mounts[3].destination: missing`.
 */
export function validateConfig(value: unknown, options: Runnable): RunnableConfig;
export function validateConfig(value: unknown, options?: ValidateOptions): Config;
export function validateConfig(value: unknown, options: ValidateOptions = {}): Config {
  return complete(checked(document, 'config', value), options);
}

/** The same from the text of config.json, without the extra look that parseJson() takes for long integers. */
export function parseConfig(text: string, options: Runnable): RunnableConfig;
export function parseConfig(text: string, options?: ValidateOptions): Config;
export function parseConfig(text: string, options: ValidateOptions = {}): Config {
  return complete(parsed(document, 'config', text), options);
}

/** A `process` by itself, as `exec --process` takes it; paths in messages begin with `process`. */
export function validateProcess(value: unknown, options: Pick<ValidateOptions, 'warnings'> = {}): Process {
  return warned(checked<Process>(process, 'process', value), options.warnings);
}

export function parseProcess(text: string, options: Pick<ValidateOptions, 'warnings'> = {}): Process {
  return warned(parsed<Process>(process, 'process', text), options.warnings);
}

/** The `process` of a configuration that JSON.parse has made of a text, with all 64 bits of its integers. */
export function processOf({ process: value }: Config, text: () => string): Process | undefined {
  if (!value) return undefined;
  return warned(
    readAgain<Process>(process, 'process', value, () => exactProcess(text())),
    undefined,
  );
}

function exactProcess(text: string): unknown {
  return (parseSlowly(text, true) as Config).process;
}

/** A `linux.resources` by itself, as `update --resources` takes it; paths in messages begin with `resources`. */
export function validateResources(value: unknown): Resources {
  return checked(resources, 'resources', value);
}

export function parseResources(text: string): Resources {
  return parsed(resources, 'resources', text);
}

/** A `linux.seccomp` by itself; paths in messages begin with `seccomp`. */
export function parseSeccomp(text: string): Partial<Seccomp> {
  return parsed(seccomp, 'seccomp', text);
}

function complete(config: Config, { warnings, runnable }: ValidateOptions): Config {
  const broken = brokenRule(config);
  if (broken !== undefined) throw broken.toError();
  if (runnable && config.root === undefined) throw new Fault('root', 'missing').toError();
  if (runnable && config.process === undefined) throw new Fault('process', 'missing').toError();
  // Without an action there are no rules either: runc takes that as no profile.
  const profile: Partial<Seccomp> | undefined = config.linux?.seccomp;
  if (profile !== undefined && profile.defaultAction === undefined) delete config.linux?.seccomp;
  if (config.process !== undefined) warned(config.process, warnings);
  return config;
}

function warned(process: Process, warnings: string[] | undefined): Process {
  const unknown = dropUnknownCapabilities(process);
  warnings?.push(...unknown);
  return process;
}

function checked<T>(check: Check, name: string, value: unknown): T {
  const fault = faultIn(check, name, value);
  if (fault !== undefined) throw fault.toError();
  return value as T;
}

function parsed<T>(check: Check, name: string, text: string): T {
  return readAgain(check, name, parseRounding(text), () => parseSlowly(text, true));
}

// JSON.parse is several times faster than our parser, and every integer that it rounds fails its check.
function readAgain<T>(check: Check, name: string, value: unknown, exactly: () => unknown): T {
  const fault = faultIn(check, name, value);
  if (fault === undefined) return value as T;
  if (fault.rounded) return checked(check, name, exactly());
  throw fault.toError();
}

function faultIn(check: Check, name: string, value: unknown): Fault | undefined {
  const problem = check(value);
  if (problem === undefined) return;
  const fault = locate(problem, name, value);
  // Paths begin inside the config, but a process or resources have a name of their own.
  const start = name === 'config' && fault.path !== '.config' ? name.length + 1 : 0;
  fault.path = fault.path.slice(start).replace(/^\./, '');
  return fault;
}
