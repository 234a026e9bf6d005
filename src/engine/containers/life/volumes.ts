import { existsSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { ProaError } from '#common/errors.ts';
import type { Engine } from '../../core/engine.ts';
import { mountOf } from '../../core/mount-table.ts';
import { isCode } from '../../images/content/errors.ts';
import type { Container } from '../container.ts';
import { copyUp } from '../files/tool.ts';
import type { ContainerMount } from '../record.ts';
import { filesOf, rootOf } from './bundle.ts';

/** Makes directories of the machine that are missing; an empty volume gets what the image has at its place. */
export async function prepareVolumes(engine: Engine, container: Container): Promise<void> {
  for (const mount of container.record.mounts) {
    if (mount.Type === 'bind') {
      await makeSource(mount);
      checkPropagation(mount);
    }
    if (mount.Type === 'volume') await fill(engine, container, mount);
  }
}

async function makeSource({
  Source: source,
  makeSource: wanted,
  Destination: destination,
}: ContainerMount): Promise<void> {
  try {
    await stat(source);
  } catch (cause) {
    if (!isCode(cause, 'ENOENT') || !wanted)
      throw new ProaError(`bind mount "${source}" at ${destination}`, { kind: 'invalid', cause });
    await mkdir(source, { recursive: true, mode: 0o755 });
  }
}

/** What is to appear on both sides has to come from a mount that shares: mount_namespaces(7), "Shared subtrees". */
function checkPropagation({ Source: source, Propagation: propagation }: ContainerMount): void {
  const wantsShared = propagation === 'shared' || propagation === 'rshared';
  if (!wantsShared && propagation !== 'slave' && propagation !== 'rslave') return;
  const mount = mountOf(source);
  if (mount?.isShared || (!wantsShared && mount?.isSlave)) return;
  throw new ProaError(
    `path ${source} is mounted on ${mount?.path} but it is not a shared ${wantsShared ? 'mount' : 'or slave mount'}`,
    { kind: 'invalid' },
  );
}

async function fill(engine: Engine, container: Container, mount: ContainerMount): Promise<void> {
  const { Name: name = '', Source: source, Destination: destination } = mount;
  if (!existsSync(source))
    throw new ProaError(`volume "${name}" at ${destination}: its directory "${source}" is missing`, {
      kind: 'invalid',
    });
  // Once: who empties a volume later wants it empty.
  if (!mount.copyUp || container.record.started || (await readdir(source)).length > 0) return;
  const root = filesOf(await rootOf(engine, container.record), []);
  await copyUp(engine.options.programs.files, root, destination, source);
}
