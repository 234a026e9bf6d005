import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { allSettled } from '#engine/async/parallel.ts';
import { Containers } from '../containers/containers.ts';
import { Accounts } from '../containers/files/accounts.ts';
import { makeInitLayer } from '../containers/files/init-layer.ts';
import { adoptContainers } from '../containers/life/adopt.ts';
import { ContainerKeeper } from '../containers/life/keeper.ts';
import { ContainerRecords } from '../containers/record.ts';
import { EventBus } from '../events/bus.ts';
import { ExecSessions } from '../exec/sessions.ts';
import { ContentStore } from '../images/content/store.ts';
import { addBaseImage } from '../images/embedded/base.ts';
import { AnySnapshots, overlayRefusal } from '../images/layers/any-snapshots.ts';
import { LayerStore } from '../images/layers/store.ts';
import type { LayerLimits } from '../images/layers/unpack.ts';
import { ImageLibrary } from '../images/library/images.ts';
import { referenceText } from '../images/reference/parse.ts';
import { REGISTRIES, RegistryRules } from '../images/registry/hosts.ts';
import { Agent } from '../monitors/agent.ts';
import { mountingBy } from '../volumes/mounting.ts';
import { VolumeStore } from '../volumes/store.ts';
import { Discards } from './discards.ts';
import { containersOf } from './places.ts';
import type { Programs } from './programs.ts';

export interface EngineOptions {
  /** Gone after a boot: sockets and bundles. */
  run: string;
  /** What stays. */
  state: string;
  programs: Programs;
  /** An archive to load into an empty store; the one beside the program when absent. */
  baseImage?: string | undefined;
  /** Mirrors, insecure and blocked registries: containers-registries.conf(5). */
  registries?: string | undefined;
  layerLimits?: LayerLimits;
}

/** Everything that operations work on. It is rebuilt from the state directory and the monitors at each start. */
export class Engine implements AsyncDisposable {
  readonly options: EngineOptions;
  readonly startedAt = new Date();
  readonly events = new EventBus();
  readonly containers = new Containers();
  readonly execs = new ExecSessions();
  readonly accounts: Accounts;
  readonly agent: Agent;
  readonly keeper: ContainerKeeper;
  readonly content: ContentStore;
  readonly library: ImageLibrary;
  readonly layers: LayerStore;
  readonly snapshots: AnySnapshots;
  readonly volumes: VolumeStore;
  readonly records: ContainerRecords;
  /** For directories below `options.run` and `options.state`. */
  readonly discards: { run: Discards; state: Discards };
  /** The layer between images and containers. */
  readonly initLayer: string;
  /** Keys of configuration that were warned of. */
  readonly #said = new Set<string>();

  private constructor(options: EngineOptions, stores: Stores) {
    this.options = options;
    this.content = stores.content;
    this.layers = stores.layers;
    this.snapshots = stores.snapshots;
    this.volumes = stores.volumes;
    this.records = stores.records;
    this.discards = stores.discards;
    this.initLayer = stores.initLayer;
    this.library = new ImageLibrary(stores.content, {
      fullName: async (text) => referenceText((await this.registryRules()).reference(text)),
    });
    const { run, state, programs } = options;
    this.accounts = new Accounts(programs.files);
    this.agent = new Agent({ program: programs.agent, run, state });
    this.keeper = new ContainerKeeper(this);
  }

  /** Takes the roots, which have one engine at a time, and everything that lives there. Throws `conflict` for a second. */
  static async open(options: EngineOptions): Promise<Engine> {
    const { run, state, programs, layerLimits = {} } = options;
    await mkdir(run, { recursive: true, mode: 0o711 });
    await mkdir(state, { recursive: true, mode: 0o711 });
    const content = await ContentStore.open(join(state, 'images'));
    try {
      const [volumes, records, initLayer, refusal] = await allSettled([
        VolumeStore.open(join(state, 'volumes'), mountingBy(programs.files)),
        ContainerRecords.open(containersOf(state)),
        makeInitLayer(join(state, 'engine', 'init-layer')),
        overlayRefusal(state, programs.files),
      ] as const);
      if (refusal !== undefined)
        process.stderr.write(`proad: no overlay can be in ${state}, so each container copies its image: ${refusal}\n`);
      const discards = {
        run: await Discards.open(join(run, 'engine', 'discarded')),
        state: await Discards.open(join(state, 'engine', 'discarded')),
      };
      const removeTree = (path: string) => discards.state.discard(path);
      const places = { overlays: join(state, 'snapshots'), copies: join(state, 'copies') };
      const whiteouts = refusal === undefined ? 'overlay' : 'files';
      const engine = new Engine(options, {
        content,
        layers: await LayerStore.open(join(state, 'layers'), {
          program: programs.unpack,
          limits: layerLimits,
          whiteouts,
        }),
        snapshots: await AnySnapshots.open(places, { programs, refusal, removeTree }),
        volumes,
        records,
        initLayer,
        discards,
      });
      await addBaseImage(content, options.baseImage);
      await engine.agent.watch();
      await adoptContainers(engine);
      return engine;
    } catch (error) {
      content[Symbol.dispose]();
      throw error;
    }
  }

  /** Where images come from, as the file says now. */
  async registryRules(): Promise<RegistryRules> {
    const path = this.options.registries ?? REGISTRIES;
    const rules = await RegistryRules.read(path);
    for (const key of rules.withoutEffect) {
      if (!this.#said.has(key)) process.stderr.write(`proad: ${path}: ${key} has no effect here\n`);
      this.#said.add(key);
    }
    return rules;
  }

  /** Directory of what a container's start was given; gone after a boot. */
  bundle(id: string): string {
    return join(this.options.run, 'engine', 'bundles', id);
  }

  /** What the agent keeps of a container that has ended. */
  endRecord(id: string): string {
    return join(this.options.state, 'containers', id, 'state.json');
  }

  /** The containers that have a monitor, as the directory says. */
  async monitored(): Promise<string[]> {
    return await readdir(join(this.options.run, 'containers')).catch(() => []);
  }

  /** Lets go of everything; containers run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.agent[Symbol.dispose]();
    for (const container of this.containers.list()) container.leave();
    await this.layers[Symbol.asyncDispose]();
    this.content[Symbol.dispose]();
  }
}

interface Stores {
  content: ContentStore;
  layers: LayerStore;
  snapshots: AnySnapshots;
  volumes: VolumeStore;
  records: ContainerRecords;
  discards: Engine['discards'];
  initLayer: string;
}
