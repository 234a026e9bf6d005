import { type Check, locate } from './check.ts';

/** `value` when it is right; otherwise throws `invalid` with the path of the wrong field, which begins with `name`. */
export function checked<T>(check: Check, name: string, value: unknown): T {
  const problem = check(value);
  if (problem === undefined) return value as T;
  // The name may be anything, such as that of a file: it is put in front as it is.
  const fault = locate(problem, 'x', value);
  fault.path = name + fault.path.slice('.x'.length);
  throw fault.toError();
}
