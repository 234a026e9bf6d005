import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from '#common/errors.ts';
import { inParallel } from '#engine/async/parallel.ts';
import type { Engine } from '../../core/engine.ts';
import { Container } from '../container.ts';
import { volumesOf } from '../record.ts';
import { comesBack } from './comes-back.ts';
import { removeContainer } from './remove.ts';
import { startContainer } from './start.ts';

const WIDTH = 16;

/**
 * Takes over what an engine before this one has left: containers that run are watched again, what was half done is
 * finished or undone, and those that are to come back after a boot are started. One after the other for all, not for each:
 * whoever ends or is started must find what the others use.
 */
export async function adoptContainers(engine: Engine): Promise<void> {
  const monitored = new Set(await engine.monitored());
  const containers = (await engine.records.list()).map(
    (record) => new Container(record, { run: engine.options.run, listener: engine.keeper }),
  );
  for (const container of namedFirst(containers, monitored)) engine.containers.add(container);
  for (const { id, record } of containers) if (monitored.has(id)) engine.volumes.mounts.adopt(volumesOf(record), id);
  const coming: Container[] = [];
  await forEach(containers, async (container) => {
    if (await takeOver(engine, container, monitored.has(container.id))) coming.push(container);
  });
  await engine.volumes.mounts.releaseLeftovers().catch((error) => {
    process.stderr.write(`proad: ${describe(error)}\n`);
  });
  await removeLeftovers(engine);
  await forEach(coming, async (container) => {
    await startContainer(engine, container);
  });
}

/** A name may have been given to another while the one that had it was being removed. */
function namedFirst(containers: readonly Container[], monitored: ReadonlySet<string>): Container[] {
  const isLeaving = ({ id, record }: Container) =>
    record.removing || (record.host.AutoRemove && record.started && !monitored.has(id));
  const rank = (container: Container) => (isLeaving(container) ? 1 : 0);
  return containers.toSorted((one, other) => {
    return rank(one) - rank(other) || Date.parse(other.record.created) - Date.parse(one.record.created);
  });
}

async function forEach(containers: readonly Container[], work: (container: Container) => Promise<void>): Promise<void> {
  await inParallel(containers, WIDTH, async (container) => {
    try {
      await work(container);
    } catch (error) {
      process.stderr.write(`proad: container ${container.name}: cannot take it over: ${describe(error)}\n`);
    }
  });
}

/** Whether it is to be started. */
async function takeOver(engine: Engine, container: Container, monitored: boolean): Promise<boolean> {
  const { record } = container;
  let cutShort = false;
  if (monitored) {
    try {
      await container.connect();
    } catch {
      // Its monitor is lost, or has just ended.
      container.lose();
      return false;
    }
    record.started ||= container.state?.startedAt !== undefined;
    await engine.execs.adopt(container);
    // It was made, and the engine that was to let it go is gone; or somebody wanted to be rid of it.
    cutShort = container.state?.phase === 'created';
    if (!cutShort && !record.removing) return false;
    await container.ask('remove', {});
    await engine.keeper.releaseVolumes(container);
  }
  const remove = () => container.exclusively(() => removeContainer(engine, container, { volumes: true }));
  if (record.removing) {
    await remove();
    return false;
  }
  const end = await engine.keeper.endOf(record.id);
  container.setEnded(end);
  record.started ||= end?.startedAt !== undefined;
  // What giving it up has recorded as its end is none: it is as if it had been lost while it ran.
  if (cutShort && comesBack(record, undefined)) return true;
  if (record.started && record.host.AutoRemove) await remove();
  return record.started && !record.host.AutoRemove && comesBack(record, end);
}

/** Of containers that were being made, or that nobody knows any more. */
async function removeLeftovers(engine: Engine): Promise<void> {
  const known = new Set([...engine.containers.list().map(({ id }) => id), ...engine.records.damaged]);
  for (const name of await engine.snapshots.list()) {
    if (known.has(name)) continue;
    // A container that was being made has written nothing. Whatever has is somebody's, though nobody knows whose.
    if (await engine.snapshots.isUnwritten(name)) await engine.snapshots.remove(name);
    else process.stderr.write(`proad: snapshot ${name} belongs to no container, and is kept\n`);
  }
  const bundles = engine.bundle('');
  for (const name of await readdir(bundles).catch(() => []))
    if (!known.has(name)) await rm(join(bundles, name), { recursive: true, force: true });
  const isUsed = (name: string) => engine.containers.usersOf(name).length > 0;
  for (const { name, madeFor } of engine.volumes.list())
    if (madeFor !== undefined && !known.has(madeFor) && (await engine.volumes.isEmpty(name)))
      await engine.volumes.remove(name, isUsed);
}
