import { templateError } from '#common/go-template/error.ts';
import { compileTemplate, type EvaluateOptions, noValue } from '#common/go-template/evaluate.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import { alignColumns } from './columns.ts';
import type { Listing } from './listing.ts';

const TABLE = 'table';

/** A list by a template: each item on a line; `table …` has headers and columns, `json` is an object a line. */
export function listText<T>(items: readonly T[], listing: Listing<T>, format: string): string {
  const isTable = format.startsWith(`${TABLE} `);
  if (format === 'json' || format === 'jsonl')
    return items.map((item) => `${objectText(fieldsOf(item, listing, true))}\n`).join('');
  const text = unescaped(isTable ? format.slice(TABLE.length).trim() : format);
  const fill = compileTemplate(text, { functions: { json: jsonOfFields } });
  const lines = items.map((item) => fill(fieldsOf(item, listing)));
  if (!isTable) return lines.map((line) => `${line}\n`).join('');
  return `${alignColumns([headerLine(text, listing), ...lines].join('\n'))}\n`;
}

/** The header is the template filled in with the columns' names. */
function headerLine<T>(text: string, { columns, label }: Listing<T>): string {
  const headers: Record<string, unknown> = {};
  for (const [name, { header }] of Object.entries(columns)) headers[name] = header;
  if (label) headers['Label'] = (name: string) => name.slice(name.lastIndexOf('.') + 1).replace(/[-_]/g, ' ');
  // What is done to a value is not done to its header.
  const same = (value: unknown) => value;
  const functions = {
    json: same,
    lower: same,
    upper: same,
    title: same,
    truncate: same,
    split: same,
    join: same,
    pad: same,
  };
  return compileTemplate(text, { functions })(headers);
}

/** Fields are found when they are asked for: most are not. */
function fieldsOf<T>(item: T, { columns, label }: Listing<T>, all = false): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, { value }] of Object.entries(columns)) fields[name] = all ? value(item) : () => value(item);
  if (label && !all) fields['Label'] = (name: string) => label(item, name);
  return fields;
}

function jsonOfFields(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return stringifyJson(value);
  const entries = Object.entries(value).filter(([name]) => name !== 'Label');
  return objectText(
    Object.fromEntries(entries.map(([name, field]) => [name, typeof field === 'function' ? field() : field])),
  );
}

/** As Go writes a map: by name. */
function objectText(fields: Record<string, unknown>): string {
  return stringifyJson(Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** One thing by a template, or as `json`. */
export function formatItem(item: unknown, format: string): string {
  if (format === 'json') return stringifyJson(item);
  return compileTemplate(unescaped(format), { missing: fieldOfApi, nullText: nullOfApi })(item);
}

/** `\t` and `\n` in a format mean the characters. */
function unescaped(format: string): string {
  return format.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

/** Fields under which names are users', not the API's. */
const maps = new Set([
  'Labels',
  'Annotations',
  'Ports',
  'Networks',
  'Options',
  'Sysctls',
  'Tmpfs',
  'LogConfig',
  'Config',
  'ExposedPorts',
  'Volumes',
  'PortBindings',
  'DriverOpts',
  'Data',
  'Details',
]);

/** Names in Go and in JSON. An image's size had two names while layers could be of other images; both told the same. */
const otherNames = [
  ['ID', 'Id'],
  ['Id', 'ID'],
  ['APIVersion', 'ApiVersion'],
  ['VirtualSize', 'Size'],
] as const;

/** What is not there by that name may be by another; what is not there is an error, save in maps of users' names. */
const fieldOfApi: NonNullable<EvaluateOptions['missing']> = (object, name, parent) => {
  for (const [go, json] of otherNames) if (name === go && Object.hasOwn(object, json)) return object[json];
  if (parent !== undefined && maps.has(parent)) return noValue;
  throw templateError(`map has no entry for key "${name}"`);
};

const pointers = new Set([
  'Healthcheck',
  'Health',
  'Init',
  'OomKillDisable',
  'MemorySwappiness',
  'PidsLimit',
  'StopTimeout',
]);

/** Empty lists, maps and pointers are all null in JSON. */
function nullOfApi(name: string): string {
  if (pointers.has(name)) return '<nil>';
  return maps.has(name) ? 'map[]' : '[]';
}
