import { readFile } from 'node:fs/promises';
import type { FilesRoot } from '#common/protocol/files.ts';
import type { Engine } from '../../core/engine.ts';
import type { Container } from '../container.ts';
import { filesOf, rootOf } from '../life/bundle.ts';
import { volumesOf } from '../record.ts';

/**
 * Works on a container's files: of one that runs, as its processes see them; of another, its layers with the volumes over
 * them. Meanwhile it is not started.
 */
export async function withFiles<T>(
  engine: Engine,
  container: Container,
  work: (root: FilesRoot) => Promise<T>,
): Promise<T> {
  if (container.isRunning && container.state?.pid !== undefined) return await work(await runningRoot(container));
  return await container.whileThere(async () => {
    if (container.isRunning) return await work(await runningRoot(container));
    const mounts = container.record.mounts
      .filter(({ Type }) => Type === 'bind' || Type === 'volume')
      .map(({ Source: source, subpath, Destination: destination, RW }) => ({
        source,
        ...(subpath !== undefined && { subpath }),
        destination,
        readOnly: !RW,
      }));
    const holder = `files of ${container.id}`;
    try {
      await engine.volumes.mounts.hold(volumesOf(container.record), holder);
      return await work(filesOf(await rootOf(engine, container.record), mounts));
    } finally {
      await engine.volumes.mounts.release(holder);
    }
  });
}

async function runningRoot(container: Container): Promise<FilesRoot> {
  const { pid } = container;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => {
    throw container.notRunning();
  });
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, startTime: Number(fields[19]) };
}

export function readOnlyContainer({ record }: Container): boolean {
  return record.host.ReadonlyRootfs === true;
}
