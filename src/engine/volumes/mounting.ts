import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { ProaError } from '#common/errors.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { isMounted } from '../core/mount-table.ts';
import { startTool } from '../images/layers/tool.ts';
import { serverName, type VolumeOptions } from './options.ts';

/** A volume with the places of its record and its files. */
export interface PlacedVolume {
  name: string;
  options: VolumeOptions;
  record: string;
  directory: string;
}

/** What the machine does with the mount of a volume. */
export interface VolumeMounting {
  /** Whoever mounted it: this process may have been another one. */
  isMounted(volume: PlacedVolume): boolean;
  mount(volume: PlacedVolume): Promise<void>;
  /** Also where somebody has files of it open: who has them keeps them. */
  unmount(volume: PlacedVolume): Promise<void>;
}

/** By proa-files. */
export function mountingBy(program: string): VolumeMounting {
  const call = async (verb: string, request: object, subject: string): Promise<void> => {
    const { child, ended } = startTool(program, [verb, JSON.stringify(request)], subject);
    child.stdin.end();
    await allSettled([text(child.stdout), ended] as const);
  };
  return {
    isMounted: ({ directory }) => existsSync(directory) && isMounted(directory),
    async mount({ name, options, record, directory: target }) {
      const server = serverName(options);
      const address = server === undefined ? undefined : await addressOf(name, server);
      const request = { record, target, ...(address !== undefined && { address }) };
      await call('mount-volume', request, `mount volume "${name}"`);
    },
    async unmount({ name, directory: target }) {
      await call('unmount-volume', { target }, `unmount volume "${name}"`);
    },
  };
}

async function addressOf(volume: string, server: string): Promise<string> {
  try {
    return (await lookup(server)).address;
  } catch (cause) {
    throw new ProaError(`volume "${volume}": DriverOpts.o: addr "${server}"`, { kind: 'invalid', cause });
  }
}
