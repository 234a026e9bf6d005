import { lazy } from '#common/lazy.ts';
import type { Config } from '#common/runtime-spec/types.ts';
import { removeCgroup, removeEmptyCgroup } from './cgroups/index.ts';
import type { Context } from './context.ts';
import type * as hooks from './hooks.ts';
import { ContainerDirectory, type ContainerRecord } from './state/store.ts';

export interface DestroyOptions {
  keepRecord?: boolean;
  /** The hooks of the configuration, where the caller knows them. */
  hooks?: Config['hooks'];
}

/** Unmakes a container whose process has ended: the rest of its processes, its cgroups, its record; then its hooks run. */
export function destroyContainer(context: Context, record: ContainerRecord, options: DestroyOptions = {}): void {
  using directory = ContainerDirectory.open(context.root, record.id);
  removeCgroup(record.cgroup);
  if (options.keepRecord) return;
  const poststop = 'hooks' in options ? options.hooks?.poststop : poststopHooks(directory);
  directory.remove();
  if (poststop) lazy<typeof hooks>('hooks')().runPoststop(poststop, record, context.warn);
}

/** The same where none of that can last. Whether it could be done; if not, `destroyContainer` does what is left. */
export function destroyAtOnce(root: string, { id, cgroup }: ContainerRecord): boolean {
  using directory = ContainerDirectory.openIfFree(root, id);
  if (!directory || poststopHooks(directory) || !removeEmptyCgroup(cgroup)) return false;
  directory.remove();
  return true;
}

/** Looked up in the text first: few containers have hooks, and parsing costs more than deleting. */
function poststopHooks(directory: ContainerDirectory): NonNullable<Config['hooks']>['poststop'] {
  const text = directory.configText();
  if (!text?.includes('"poststop"')) return undefined;
  return (JSON.parse(text) as Config).hooks?.poststop;
}
