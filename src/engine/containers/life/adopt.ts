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
 * finished or undone, and those that are to come back after a boot are started.
 */
export async function adoptContainers(engine: Engine): Promise<void> {
  const monitored = new Set(await engine.monitored());
  const containers = (await engine.records.list()).map(
    (record) => new Container(record, { run: engine.options.run, listener: engine.keeper }),
  );
  for (const container of containers) engine.containers.add(container);
  await inParallel(containers, WIDTH, async (container) => {
    try {
      await adopt(engine, container, monitored.has(container.id));
    } catch (error) {
      process.stderr.write(`proad: container ${container.name}: cannot take it over: ${describe(error)}\n`);
    }
  });
  await engine.volumeMounts.releaseLeftovers().catch((error) => {
    process.stderr.write(`proad: ${describe(error)}\n`);
  });
  await removeLeftovers(engine);
}

async function adopt(engine: Engine, container: Container, monitored: boolean): Promise<void> {
  const { record } = container;
  let cutShort = false;
  if (monitored) {
    engine.volumeMounts.adopt(volumesOf(record), record.id);
    try {
      await container.connect();
    } catch {
      // Its monitor is lost, or has just ended.
      container.lose();
      return;
    }
    record.started ||= container.state?.startedAt !== undefined;
    await engine.execs.adopt(container);
    // It was made, and the engine that was to let it go is gone; or somebody wanted to be rid of it.
    cutShort = container.state?.phase === 'created';
    if (cutShort || record.removing) await container.ask('remove', {});
    else return;
  }
  if (record.removing) return await container.exclusively(() => removeContainer(engine, container, { volumes: true }));
  const end = await engine.keeper.endOf(record.id);
  container.setEnded(end);
  record.started ||= end?.startedAt !== undefined;
  // What giving it up has recorded as its end is none: it is as if it had been lost while it ran.
  if (cutShort && comesBack(record, undefined)) {
    await startContainer(engine, container);
    return;
  }
  if (!record.started) return;
  if (record.host.AutoRemove) {
    await container.exclusively(() => removeContainer(engine, container, { volumes: true }));
    return;
  }
  if (comesBack(record, end)) await startContainer(engine, container);
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
  const used = new Set(engine.containers.list().flatMap(({ record }) => record.mounts.map(({ Name }) => Name)));
  for (const { name, madeFor } of engine.volumes.list())
    if (madeFor !== undefined && !known.has(madeFor) && !used.has(name) && (await engine.volumes.isEmpty(name)))
      await engine.volumes.remove(name);
}
