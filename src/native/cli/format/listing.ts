import { lazy } from '#common/lazy.ts';
import type { Session } from '../session.ts';
import { alignColumns } from './columns.ts';
import type * as templates from './templates.ts';

export interface Column<T> {
  header: string;
  value(item: T): string | number | boolean | null;
}

/** How a list is shown: `columns` are what `--format` can name; `usual` those of the table. */
export interface Listing<T> {
  columns: Record<string, Column<T>>;
  usual: readonly string[];
  /** What `{{.Label "name"}}` answers. */
  label?(item: T, name: string): string;
}

export interface ListOptions {
  format: string | undefined;
  /** Only this column, without its header. */
  quiet?: string | undefined;
}

/** Prints a list as a table or, with `--format`, by a template: Docker CLI reference, "Format command and log output". */
export function printList<T>(
  session: Session,
  items: readonly T[],
  listing: Listing<T>,
  { format, quiet }: ListOptions,
): void {
  const { columns, usual } = listing;
  if (format !== undefined && format !== '' && format !== 'table' && !(format === 'raw' && quiet)) {
    session.print(lazy<typeof templates>('cli-templates')().listText(items, listing, format));
    return;
  }
  if (quiet !== undefined) {
    session.print(items.map((item) => `${columns[quiet]?.value(item)}\n`).join(''));
    return;
  }
  const header = usual.map((name) => columns[name]?.header).join('\t');
  const rows = items.map((item) => usual.map((name) => columns[name]?.value(item)).join('\t'));
  session.print(`${alignColumns([header, ...rows].join('\n'))}\n`);
}
