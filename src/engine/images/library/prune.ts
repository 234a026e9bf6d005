import type { Image } from './images.ts';

/** Which images go; each option leaves fewer. Docker CLI reference, "docker image prune". */
export interface PruneOptions {
  /** Also those with names: Docker's filter `dangling=false`. */
  all?: boolean;
  /** What is in use stays, whatever else is said. */
  used?(image: Image): boolean;
  /** Only what was made before: milliseconds since 1970. An image that does not say when is as old as can be. */
  createdBefore?: number | undefined;
  /** Only with all these labels, `KEY` or `KEY=VALUE`. */
  labels?: readonly string[];
  /** Only with none of these: Docker's filter `label!`. */
  withoutLabels?: readonly string[];
}

export function isPruned(
  image: Image,
  { all = false, used = () => false, createdBefore, labels = [], withoutLabels = [] }: PruneOptions,
): boolean {
  const { config, names } = image;
  const own = config.config?.Labels ?? {};
  return (
    (all || names.length === 0) &&
    (createdBefore === undefined || madeAt(config.created) < createdBefore) &&
    labels.every((label) => hasLabel(own, label)) &&
    !withoutLabels.some((label) => hasLabel(own, label)) &&
    !used(image)
  );
}

/** Images that are made the same each time often have no time, or a year that Go calls zero. */
function madeAt(created: string | undefined): number {
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}

function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  const key = equals < 0 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === wanted.slice(equals + 1));
}
