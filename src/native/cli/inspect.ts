import { describe, ProaError } from '#common/errors.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import { lazy } from '#common/lazy.ts';
import { segment } from './engine.ts';
import { ApiError } from './failures.ts';
import type * as templates from './format/templates.ts';
import { imagePath } from './images/path.ts';
import type { Session } from './session.ts';

export type ObjectKind = 'container' | 'image' | 'volume' | 'network';

export interface InspectOptions {
  /** Looked through in this order. */
  kinds: readonly ObjectKind[];
  /** What a message calls what was not found. */
  what: string;
  format: string | undefined;
  size?: boolean;
}

const paths: Record<ObjectKind, (name: string) => string> = {
  container: (name) => `/containers/${segment(name)}/json`,
  image: (name) => imagePath(name, 'json'),
  volume: (name) => `/volumes/${segment(name)}`,
  network: (name) => `/networks/${segment(name)}`,
};

/** Prints what is known of each as JSON, or by a template; the exit status. */
export async function inspectAll(session: Session, names: readonly string[], options: InspectOptions): Promise<number> {
  const found: unknown[] = [];
  const failures: string[] = [];
  for (const name of names) {
    try {
      found.push(await inspect(session, name, options));
    } catch (error) {
      if (!(error instanceof ProaError)) throw error;
      failures.push(describe(error));
    }
  }
  const { format } = options;
  if (!format) session.print(`${goIndented(found)}\n`);
  else {
    const { formatItem } = lazy<typeof templates>('cli-templates')();
    session.print(found.map((item) => `${formatItem(item, format)}\n`).join(''));
    // So do engines' clients: scripts that read a line for each name find an empty one.
    if (found.length === 0) session.print('\n');
  }
  if (failures.length > 0) session.warn(failures.join('\n'));
  return failures.length > 0 ? 1 : 0;
}

async function inspect(session: Session, name: string, { kinds, what, size }: InspectOptions): Promise<unknown> {
  for (const kind of kinds) {
    try {
      return await session.engine.get(paths[kind](name), kind === 'container' && size ? { size: true } : {});
    } catch (error) {
      const isMissing = error instanceof ApiError && (error.status === 404 || isUnknown(error));
      if (!isMissing || (kinds.length === 1 && what !== 'object')) throw error;
    }
  }
  throw new ProaError(`Error: No such ${what}: ${name}`, { kind: 'not-found' });
}

/** A name that cannot be one of this kind, or a kind that this engine does not have. */
function isUnknown({ status, message }: ApiError): boolean {
  return status === 501 || (status === 400 && /invalid (reference format|container name|volume name)/.test(message));
}

/** Go's indentation, which is four spaces here; empty objects and arrays are written without a break. */
function goIndented(value: unknown): string {
  return stringifyJson(value, '    ');
}
