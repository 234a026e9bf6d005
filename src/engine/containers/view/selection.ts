import { ProaError } from '#common/errors.ts';
import { type Filters, filterFlag, fitsLabels } from '../../api/query.ts';
import type { Engine } from '../../core/engine.ts';
import { parseReference, referenceText, withDefaultTag } from '../../images/reference/parse.ts';
import type { Container } from '../container.ts';
import { exitStatus } from './state.ts';

export const containerFilters = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
] as const;

type ListFilters = Filters<(typeof containerFilters)[number]>;

const states = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];

/** Those that fit all filters, newest first. Engine API, "ContainerList". Throws `invalid` for a value that is none. */
export function selectContainers(
  engine: Engine,
  { all, limit, filters }: { all: boolean; limit?: number | undefined; filters: ListFilters },
): Container[] {
  checkFilters(filters);
  const { ancestor, before, since } = filters;
  const images = ancestor?.map((name) => ancestorTest(name));
  const bound = (name: string) => createdAt(engine.containers.find(name));
  const earliest = since?.map(bound);
  const latest = before?.map(bound);
  const showsAll = all || (limit ?? 0) > 0 || filters.status !== undefined || filters.exited !== undefined;
  const found = engine.containers
    .list()
    .filter((container) => showsAll || container.isRunning)
    .filter((container) => fits(container, filters))
    .filter((container) => !images || images.some((test) => test(container)))
    .filter((container) => !earliest || earliest.every((time) => createdAt(container) > time))
    .filter((container) => !latest || latest.every((time) => createdAt(container) < time))
    .sort((a, b) => createdAt(b) - createdAt(a));
  return limit !== undefined && limit > 0 ? found.slice(0, limit) : found;
}

function createdAt({ record }: Container): number {
  return Date.parse(record.created);
}

function checkFilters({ status = [], exited = [], health = [], ...rest }: ListFilters): void {
  const wrong = (name: string, values: readonly string[]) =>
    new ProaError(`invalid filter '${name}=[${values.join(' ')}]'`, { kind: 'invalid' });
  if (status.some((one) => !states.includes(one))) throw wrong('status', status);
  if (exited.some((one) => !/^-?\d+$/.test(one))) throw wrong('exited', exited);
  if (health.some((one) => !['starting', 'healthy', 'unhealthy', 'none'].includes(one))) throw wrong('health', health);
  filterFlag(rest['is-task'], 'is-task');
}

function fits(container: Container, filters: ListFilters): boolean {
  const { record, status, state } = container;
  const { id, name, label, exited, health, volume, network, expose, publish } = filters;
  const matches = (wanted: string[] | undefined, test: (one: string) => boolean) => !wanted || wanted.some(test);
  return (
    matches(id, (one) => record.id.startsWith(one)) &&
    matches(name, (one) => nameFits(record.name, one)) &&
    fitsLabels(record.config.Labels, label) &&
    matches(filters.status, (one) => one === status) &&
    matches(exited, (one) => status === 'exited' && exitStatus(container) === Number(one)) &&
    matches(health, (one) => (state?.health?.status ?? 'none') === one) &&
    matches(volume, (one) => record.mounts.some(({ Name, Destination }) => Name === one || Destination === one)) &&
    matches(network, (one) => record.host.NetworkMode === one) &&
    matches(expose, (one) => Object.hasOwn(record.config.ExposedPorts ?? {}, one.includes('/') ? one : `${one}/tcp`)) &&
    // No port is published yet, and no container belongs to a swarm.
    publish === undefined &&
    filterFlag(filters['is-task'], 'is-task') !== true
  );
}

/** A regular expression, with or without the slash before a name. */
function nameFits(name: string, wanted: string): boolean {
  try {
    const pattern = new RegExp(wanted);
    return pattern.test(name) || pattern.test(`/${name}`);
  } catch {
    return name.includes(wanted);
  }
}

function ancestorTest(text: string): (container: Container) => boolean {
  const complete = (name: string) => {
    try {
      return referenceText(withDefaultTag(parseReference(name)));
    } catch {
      return name;
    }
  };
  const wanted = complete(text);
  return ({ record: { image } }) =>
    complete(image.reference) === wanted ||
    image.id === text ||
    (/^[0-9a-f]{4,64}$/.test(text) && image.id.startsWith(`sha256:${text}`));
}
