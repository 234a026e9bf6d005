import type { Duplex } from 'node:stream';
import { ProaError } from '#common/errors.ts';
import type { Container } from '../../../containers/container.ts';
import { logSettings } from '../../../containers/life/request.ts';
import type { Engine } from '../../../core/engine.ts';
import { streamFrame, streamType } from '../../../logs/frames.ts';
import { readLog } from '../../../logs/read.ts';
import { detachKeysOf, join } from '../../../streams/join.ts';
import { writeSlowly } from '../../../streams/write.ts';
import { operation } from '../../operation.ts';
import { flag, text } from '../../query.ts';

/** Engine API, "ContainerAttach". Before its start a client waits: it gets all that the program writes. */
export const attach = operation({
  method: 'POST',
  path: '/containers/{id}/attach',
  query: { detachKeys: text, logs: flag(), stream: flag(), stdin: flag(), stdout: flag(), stderr: flag() },
  async answer({ engine, params: { id = '' }, query, takeOver, signal, version }) {
    const container = engine.containers.find(id);
    const { stdin, stdout, stderr, stream, logs } = query;
    if (container.status === 'paused')
      throw new ProaError(`container ${id} is paused, unpause the container before attach`, { kind: 'conflict' });
    const tty = container.record.config.Tty ?? false;
    // As at dockerd the program waits for who reads slowly: what goes through a pipe must be whole.
    const wishes = { stdin: stdin && container.record.config.OpenStdin === true, stdout, stderr, patient: true };
    const detachKeys = detachKeysOf(query.detachKeys, { tty, stdin: wishes.stdin });
    const client = takeOver(streamType({ tty, version }));
    if (logs) await replay(engine, container, { client, stdout, stderr, signal });
    if (!stream) {
      client.end();
      return undefined;
    }
    const begin = async (started: Container) => {
      engine.keeper.tell(container, 'attach');
      const onDetach = () => engine.keeper.tell(container, 'detach');
      join(client, await started.stream(wishes), { detachKeys, onDetach });
    };
    if (container.hasMonitor) await begin(container);
    else {
      let begun = false;
      const waiting = container.onNextStart((started) => {
        begun = true;
        return begin(started).catch(() => void client.destroy());
      });
      signal.addEventListener('abort', () => waiting[Symbol.dispose](), { once: true });
      // What has begun ends with its last byte, which may come after the removal.
      container.removal(signal).then(() => begun || client.end());
    }
    return undefined;
  },
});

async function replay(
  engine: Engine,
  container: Container,
  { client, signal, ...streams }: { client: Duplex; signal: AbortSignal; stdout: boolean; stderr: boolean },
): Promise<void> {
  const { path, format } = logSettings(container.record, engine.records.directory(container.id));
  if (format !== 'json-file') return;
  const tty = container.record.config.Tty ?? false;
  for await (const record of readLog(path, streams)) {
    if (signal.aborted) break;
    const bytes = Buffer.from(record.log);
    await writeSlowly(client, tty ? bytes : streamFrame(record.stream, bytes), signal);
  }
}
