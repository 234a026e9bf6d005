import type { Engine } from '../../core/engine.ts';
import type { Container } from '../container.ts';
import { namespaceFields, namespaceMode } from '../spec/namespaces.ts';
import { rootOf, writeBundle } from './bundle.ts';

/**
 * Containers that share a namespace of one that has just been started: what their monitors would restart them with names
 * its process of before.
 */
export async function refreshJoined(engine: Engine, started: Container): Promise<void> {
  for (const container of engine.containers.list()) {
    if (!container.hasMonitor || !joins(engine, container, started)) continue;
    await writeBundle(engine, container, await rootOf(engine, container.record));
  }
}

function joins(engine: Engine, { record: { host } }: Container, other: Container): boolean {
  return namespaceFields.some((field) => {
    const mode = namespaceMode(field, host[field]);
    return mode.kind === 'container' && engine.containers.findIfAny(mode.name) === other;
  });
}
