import { ProaError } from '#common/errors.ts';
import type { Operation } from './operation.ts';

interface Route {
  operation: Operation;
  pattern: RegExp;
}

/** Finds the operation that a path means. */
export class Router {
  readonly #routes: Route[];

  constructor(operations: readonly Operation[]) {
    this.#routes = operations.map((operation) => ({ operation, pattern: patternOf(operation.path) }));
  }

  /** Throws `not-found` for a path that is none. `path` is without its version. */
  find(method: string, path: string): { operation: Operation; params: Record<string, string> } {
    for (const { operation, pattern } of this.#routes) {
      if (operation.method !== method) continue;
      const match = pattern.exec(path);
      if (match) return { operation, params: decoded(match.groups ?? {}) };
    }
    throw new ProaError(`page not found: ${method} ${path}`, { kind: 'not-found' });
  }
}

function patternOf(path: string): RegExp {
  const source = path.replace(/\{(\w+)(\*?)\}/g, (_all, name, many) => `(?<${name}>${many ? '.+' : '[^/]+'})`);
  return new RegExp(`^${source}/?$`);
}

function decoded(params: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    throw new ProaError('the path is not encoded as it should be', { kind: 'invalid' });
  }
}
