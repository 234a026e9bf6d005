import { setTimeout as sleep } from 'node:timers/promises';
import { ProaError } from '#common/errors.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import type { Container } from '../../../containers/container.ts';
import { type Sample, takeSample } from '../../../containers/sample.ts';
import { isCgroup2 } from '../../../containers/spec/namespaces.ts';
import { statsView } from '../../../containers/view/stats.ts';
import { writeSlowly } from '../../../streams/write.ts';
import { ok, operation } from '../../operation.ts';
import { flag } from '../../query.ts';

const BETWEEN_MILLISECONDS = 1000;

/** Engine API, "ContainerStats". One that does not run is told of without numbers. */
export const stats = operation({
  method: 'GET',
  path: '/containers/{id}/stats',
  query: { stream: flag(true), 'one-shot': flag() },
  async answer({ engine, params: { id = '' }, query: { stream, 'one-shot': oneShot }, response, signal }) {
    const container = engine.containers.find(id);
    if (stream && oneShot)
      throw new ProaError('bad parameter: one-shot is for stream=false alone', { kind: 'invalid' });
    if (!stream) {
      const before = oneShot ? undefined : await takeSample(container);
      if (before) await pause(signal);
      return ok(view(container, await takeSample(container), before));
    }
    const over = endOf(container, signal);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    for (let before: Sample | undefined; !over.aborted; await pause(over)) {
      const sample = await takeSample(container);
      await writeSlowly(response, `${stringifyJson(view(container, sample, before))}\n`, over);
      before = sample;
    }
    response.end();
    return undefined;
  },
});

function view({ id, name }: Container, sample: Sample | undefined, before: Sample | undefined) {
  return statsView({ container: { id, name }, sample, before, cgroupVersion: isCgroup2() ? 2 : 1 });
}

/** The client goes, or the container for good. */
function endOf(container: Container, signal: AbortSignal): AbortSignal {
  const over = new AbortController();
  signal.addEventListener('abort', () => over.abort(), { once: true });
  container.removal(signal).then(() => over.abort());
  return over.signal;
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(BETWEEN_MILLISECONDS, undefined, { signal }).catch(() => {});
}
