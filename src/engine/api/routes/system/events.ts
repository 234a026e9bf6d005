import type { EngineEvent } from '../../../events/bus.ts';
import { operation } from '../../operation.ts';
import { type Filters, filters, fitsLabels, moment } from '../../query.ts';

const names = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
] as const;
type EventFilters = Filters<(typeof names)[number]>;

const query = { since: moment, until: moment, filters: filters(...names) };

/** Engine API, "SystemEvents": those of the past that are kept, then those that come, until the client goes or `until`. */
export const events = operation({
  method: 'GET',
  path: '/events',
  query,
  async answer({ engine, query: { since, until, filters: wanted }, response, signal, version }) {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    const tell = (event: EngineEvent) => {
      const time = BigInt(event.time) * 1_000_000_000n + BigInt(event.timeNano % 1_000_000_000);
      if ((since !== undefined && time < since) || (until !== undefined && time > until)) return;
      if (fits(event, wanted)) response.write(`${JSON.stringify(view(event, version))}\n`);
    };
    if (since !== undefined || until !== undefined) for (const event of engine.events.past()) tell(event);
    const left = until === undefined ? undefined : Number(until / 1_000_000n) - Date.now();
    if (left === undefined || left > 0) {
      using _listening = engine.events.listen(tell);
      await new Promise<void>((done) => {
        const timer = left === undefined ? undefined : setTimeout(done, Math.min(left, 0x7fffffff));
        signal.addEventListener(
          'abort',
          () => {
            clearTimeout(timer);
            done();
          },
          { once: true },
        );
      });
    }
    response.end();
    return undefined;
  },
});

/** Fields that clients of older versions look for. */
function view(event: EngineEvent, version: number) {
  if (event.Type !== 'container' || version >= 1052) return event;
  return { status: event.Action, id: event.Actor.ID, from: event.Actor.Attributes['image'] ?? '', ...event };
}

function fits({ Type, Action, Actor, scope }: EngineEvent, wanted: EventFilters): boolean {
  const matches = (values: string[] | undefined, test: (value: string) => boolean) => !values || values.some(test);
  const isActor = (type: string, values: string[] | undefined) =>
    matches(values, (value) => Type === type && namesActor(value, Actor));
  return (
    matches(wanted.type, (type) => type === Type) &&
    matches(wanted.event, (action) => action === Action || Action.startsWith(`${action}:`)) &&
    matches(wanted.scope, (one) => one === scope) &&
    fitsLabels(Actor.Attributes, wanted.label) &&
    isActor('container', wanted.container) &&
    matches(wanted.image, (value) =>
      [Actor.ID, Actor.Attributes['image'], Actor.Attributes['name']].some(
        (one) => one === value || one?.split(':')[0] === value,
      ),
    ) &&
    isActor('volume', wanted.volume) &&
    isActor('daemon', wanted.daemon) &&
    // Nothing of these kinds is here.
    ['config', 'network', 'node', 'plugin', 'secret', 'service'].every((kind) => wanted[kind as 'node'] === undefined)
  );
}

function namesActor(value: string, { ID, Attributes }: EngineEvent['Actor']): boolean {
  return ID === value || Attributes['name'] === value.replace(/^\//, '') || (value.length >= 4 && ID.startsWith(value));
}
