import { rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { describe, kindOf, ProaError, remedyOf } from '#common/errors.ts';
import type { ContainerRequest } from '#common/protocol/container.ts';
import { RemoteFailure } from '#common/protocol/failure.ts';
import { allSettled } from '#engine/async/parallel.ts';
import type { Engine } from '../../core/engine.ts';
import type { Container } from '../container.ts';
import { volumesOf } from '../record.ts';
import { rootOf, writeBundle } from './bundle.ts';
import { statusOfFailure } from './failure-status.ts';
import { removeContainer } from './remove.ts';
import { containerRequest } from './request.ts';
import { prepareVolumes } from './volumes.ts';

/** Starts a container that does not run. Answers whether it did: one that runs is left alone. */
export async function startContainer(engine: Engine, container: Container): Promise<boolean> {
  return await container.exclusively(async () => {
    if (container.record.removing || container.isRemoved)
      throw new ProaError(`container is marked for removal and cannot be started`, { kind: 'conflict' });
    if (container.status === 'paused')
      throw new ProaError('cannot start a paused container, try unpause instead', { kind: 'conflict' });
    if (container.hasMonitor) return false;
    await start(engine, container);
    return true;
  });
}

async function start(engine: Engine, container: Container): Promise<void> {
  const { record } = container;
  const before = record.started;
  try {
    await engine.volumes.mounts.hold(volumesOf(record), record.id);
    await prepareVolumes(engine, container);
    const request = await requestFor(engine, container);
    let kept = false;
    try {
      // One that goes with its end leaves nothing to see that it ran, should this process be killed.
      const marked = record.host.AutoRemove ? markStarted(engine, container) : undefined;
      marked?.catch(() => {});
      await container.connect(
        async (options) => {
          const connection = await engine.agent.create(request, options);
          kept = true;
          return connection;
        },
        async () => {
          await marked;
          await run(container);
        },
      );
    } catch (error) {
      // Where the making was refused, another may be kept by that id; where the start was, nothing is left by itself.
      if (container.startsInOneStep && error instanceof RemoteFailure) container.leave();
      else if (kept) await giveUp(container);
      throw error;
    }
    delete record.failure;
    if (!record.host.AutoRemove) await markStarted(engine, container);
  } catch (cause) {
    record.started = before;
    await failed(engine, container, cause);
    throw new ProaError(`cannot start container "${record.name}"`, { kind: startKind(cause), cause });
  }
}

/** Runs the program, with all attached who wait for that. */
async function run(container: Container): Promise<void> {
  const waiters = container.takeAttachWaiters();
  container.record.started = true;
  if (!container.asksAtOnce) for (const attach of waiters.splice(0)) await attach(container);
  const started = container.ask('start', waiters.length > 0 ? { attached: waiters.length } : {});
  await allSettled([started, ...waiters.map((attach) => attach(container))]);
}

/** It was made and shall not be. Where its monitor cannot be reached now, whoever adopts it does the same. */
async function giveUp(container: Container): Promise<void> {
  try {
    if (!container.hasMonitor) await container.connect();
    await container.ask('remove', {});
  } catch {
    // The failure before this one is told.
  }
}

/** What the kernel says where a program, a path or a value that was asked for cannot be. */
const refusals = new Set(
  (['E2BIG', 'ENOEXEC', 'ENOTDIR', 'EISDIR', 'EINVAL', 'ERANGE', 'ENAMETOOLONG', 'ELOOP'] as const).map(
    (name) => constants.errno[name],
  ),
);

/** As dockerd has it: what a client can mend is not the server's error, and only a container can be "not found". */
export function startKind(cause: unknown) {
  const kind = kindOf(cause);
  if (kind === 'internal' && cause instanceof RemoteFailure && refusals.has(cause.errno ?? 0)) return 'invalid';
  return kind === 'not-found' || kind === 'denied' ? 'invalid' : kind;
}

async function markStarted(engine: Engine, { record }: Container): Promise<void> {
  const { RestartPolicy } = record.host;
  record.started = true;
  delete record.endedWithSystem;
  // It has to be known after a loss of power where the container is to come back by itself.
  await engine.records.save(record, { durably: (RestartPolicy?.Name || 'no') !== 'no' });
}

async function failed(engine: Engine, container: Container, cause: unknown): Promise<void> {
  const { record } = container;
  const message = describe(cause);
  record.failure = {
    status: statusOfFailure(message),
    message: remedyOf(cause) ? `${message} (${remedyOf(cause)})` : message,
  };
  container.leave();
  container.setEnded(await engine.keeper.endOf(record.id));
  await engine.keeper.releaseVolumes(container);
  await engine.records.save(record, { durably: false });
  await rm(engine.bundle(record.id), { recursive: true, force: true });
  if (record.host.AutoRemove) await removeContainer(engine, container, { volumes: true });
}

async function requestFor(engine: Engine, container: Container): Promise<ContainerRequest> {
  const root = await rootOf(engine, container.record);
  const bundle = await writeBundle(engine, container, root);
  return containerRequest(container.record, { bundle, root, directory: engine.records.directory(container.id) });
}
