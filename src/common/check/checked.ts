import { type Check, locate } from './check.ts';

/** `value` when it is right; otherwise throws `invalid` with the path of the wrong field, which begins with `name`. */
export function checked<T>(check: Check, name: string, value: unknown): T {
  const problem = check(value);
  if (problem === undefined) return value as T;
  const fault = locate(problem, name, value);
  fault.path = fault.path.replace(/^\./, '');
  throw fault.toError();
}
