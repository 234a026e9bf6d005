import { Loop } from '#loop/loop.ts';
import { parseAddress } from '#native/http/address.ts';
import { environmentVariable } from '#sys/environment.ts';
import { writeAll } from '#sys/files.ts';
import { Engine } from './engine.ts';
import { configDirectory, defaultHost } from './places.ts';

export interface Globals {
  host: string | undefined;
  config: string | undefined;
  debug: boolean;
}

/** What a command works with: the engine, the output, the loop that it waits on. */
export class Session implements Disposable {
  readonly loop = new Loop();
  readonly globals: Globals;
  /** The words that the command was called by, such as `container ls`. */
  readonly name: string;
  /** Whether an engine that does not run is started. */
  startsEngine = true;
  #engine: Engine | undefined;

  constructor(globals: Globals, name: string) {
    this.globals = globals;
    this.name = name;
  }

  get host(): string {
    return this.globals.host ?? (environmentVariable('DOCKER_HOST') || defaultHost());
  }

  get engine(): Engine {
    this.#engine ??= new Engine(this.loop, {
      address: parseAddress(this.host),
      startable: this.startsEngine && this.globals.host === undefined && !environmentVariable('DOCKER_HOST'),
      version: environmentVariable('DOCKER_API_VERSION') || undefined,
    });
    return this.#engine;
  }

  get config(): string {
    return this.globals.config ?? configDirectory();
  }

  print(text: string): void {
    writeAll(1, text, 'standard output');
  }

  warn(text: string): void {
    writeAll(2, `${text}\n`, 'standard error');
  }

  debug(text: string): void {
    if (this.globals.debug) this.warn(`debug: ${text}`);
  }

  [Symbol.dispose](): void {
    this.#engine?.[Symbol.dispose]();
    this.loop[Symbol.dispose]();
  }
}
