import { UsageError } from './failures.ts';

/** `--filter NAME=VALUE` as the API takes them: a JSON object of lists. Undefined where there are none. */
export function filterQuery(filters: readonly string[], more: Record<string, string[]> = {}): string | undefined {
  const lists: Record<string, Record<string, boolean>> = {};
  const add = (name: string, value: string) => {
    lists[name] = { ...lists[name], [value]: true };
  };
  for (const filter of filters) {
    const equals = filter.indexOf('=');
    if (equals < 0)
      throw new UsageError(
        `invalid argument ${JSON.stringify(filter)} for "-f, --filter" flag: invalid filter '${filter}': expected NAME=VALUE`,
      );
    add(filter.slice(0, equals).trim().toLowerCase(), filter.slice(equals + 1).trim());
  }
  for (const [name, values] of Object.entries(more)) for (const value of values) add(name, value);
  return Object.keys(lists).length === 0 ? undefined : JSON.stringify(lists);
}
