import { ProaError } from '#common/errors.ts';
import { endsAsDirectory, type Rebase, splitEntry } from './names.ts';

export interface Place {
  /** Absolute; as the caller wrote its end. */
  path: string;
  exists: boolean;
  isDirectory: boolean;
  /** The name that a copy has, where a link was followed to a place of another name. */
  name?: string;
}

/**
 * Into which directory an archive of `source` is unpacked for it to arrive at `target`, and under which name. Docker CLI
 * reference, `docker cp`, "Extended description". Throws where the two do not fit.
 */
export function planCopy(source: Place, target: Place): { directory: string; rebase: Rebase } {
  const { base: from } = splitEntry(source.path);
  const { directory, base } = splitEntry(target.path.replace(/\/\.?$/, '') || '/');
  if (target.exists && target.isDirectory) return { directory: target.path, rebase: { from, to: source.name ?? from } };
  if (target.exists && source.isDirectory) throw new ProaError('cannot copy directory', { kind: 'conflict' });
  if (!source.isDirectory && endsAsDirectory(target.path))
    throw new ProaError(target.exists ? `"${target.path}" is not a directory` : 'no such directory', {
      kind: target.exists ? 'conflict' : 'not-found',
    });
  return { directory, rebase: { from, to: base } };
}
