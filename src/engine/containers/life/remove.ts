import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ProaError } from '#common/errors.ts';
import type { Engine } from '../../core/engine.ts';
import type { Container } from '../container.ts';
import { removeAnonymous } from '../making/mounts.ts';

/** An agent that was killed is started again, and ends what a lost monitor has left. */
const PATIENCE_MILLISECONDS = 30_000;

/** Removes a container that does not run; with `force` one that runs is killed first. */
export async function forceRemove(
  engine: Engine,
  container: Container,
  { force, volumes }: { force: boolean; volumes: boolean },
): Promise<void> {
  if (container.isRunning && !force) {
    const [what, remedy] =
      container.status === 'paused'
        ? ['is paused and must be unpaused first', 'Unpause and stop it, or force its removal']
        : ['is running', 'Stop it first, or force its removal'];
    throw new ProaError(`cannot remove container "${container.name}": container ${what}`, { kind: 'conflict', remedy });
  }
  // Also one that is being started just now: its turn comes before ours.
  await container.exclusively(async () => {
    if (container.isRemoved) return;
    if (container.isRunning && !force)
      throw new ProaError(`cannot remove container "${container.name}": container is running`, { kind: 'conflict' });
    if (container.isLost) await container.whenKnown(PATIENCE_MILLISECONDS);
    if (container.hasMonitor) await end(container);
    await removeContainer(engine, container, { volumes });
  });
}

/** Whoever hears of its end removes it, too, where it goes by itself: that comes after us. */
async function end(container: Container): Promise<void> {
  const over = container.nextGone();
  container.record.removing = true;
  // A monitor that is lost meanwhile may be followed by another, which has to be asked as well.
  for (let gone = false; !gone; ) {
    try {
      await container.ask('remove', {});
      await over;
      gone = true;
    } catch (error) {
      if (container.hasMonitor) {
        delete container.record.removing;
        throw error;
      }
      gone = await Promise.race([over.then(() => true), container.nextMonitor().then(() => false)]);
    }
  }
}

/**
 * Removes all that belongs to a container that has no monitor any more; called in its turn. An engine that is killed in
 * between finishes it at its next start.
 */
export async function removeContainer(
  engine: Engine,
  container: Container,
  { volumes }: { volumes: boolean },
): Promise<void> {
  if (container.isRemoved) return;
  const { record, id } = container;
  record.removing = true;
  if (!volumes) for (const mount of record.mounts) delete mount.anonymous;
  // One that goes with its end goes at the next start, too, without a word about it.
  if (!(record.host.AutoRemove && record.started && volumes)) await engine.records.save(record, { durably: false });
  await engine.keeper.releaseVolumes(container);
  await removeAll(engine, container);
  engine.containers.remove(container);
  engine.keeper.tell(container, 'destroy');
  container.tellRemoved();
  engine.execs.forget(container);
  await rm(dirname(engine.endRecord(id)), { recursive: true, force: true });
}

async function removeAll(engine: Engine, { id, record }: Container): Promise<void> {
  engine.discards.run.discardNow(engine.bundle(id));
  await engine.snapshots.remove(id);
  // Others may have one through `VolumesFrom`.
  const isUsed = (volume: string) => engine.containers.usersOf(volume).some((user) => user !== id);
  await removeAnonymous(record.mounts, engine.volumes, isUsed);
  // Last: until then its record says that this has to be done.
  await engine.discards.state.discard(engine.records.directory(id));
}
