// Our validator against the specification's published JSON schemas and the fixtures beside them, which are not part of
// this repository: SPECS, or ../shared/specs beside it. Without them nothing is tested here.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import '#common/runtime-spec/all.ts';
import { ProaError } from '#common/errors.ts';
import { parseConfig, validateConfig } from '#common/runtime-spec/validate.ts';

const directory = join(process.env['SPECS'] ?? join(process.cwd(), '../shared/specs'), 'runtime-spec');

function withData(name: string, body: () => void): void {
  test(name, (context: TestContext) => {
    if (existsSync(directory)) body();
    else context.skip(`${directory} is not there`);
  });
}

function fixture(name: string): string {
  return readFileSync(join(directory, 'test/config', name), 'utf8');
}

function failureOf(read: () => unknown): ProaError | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof ProaError) return error;
    throw error;
  }
}

/** How the message about a fixture begins; null for those that are right. */
const expected: Record<string, string | null> = {
  'good/freebsd-example.json': 'unsupported freebsd: ',
  'good/freebsd-minimal.json': 'unsupported freebsd: ',
  'good/linux-netdevice.json': 'unsupported linux.netDevices: ',
  'good/linux-rdma.json': null,
  'good/minimal-for-start.json': null,
  'good/minimal.json': null,
  // It says of itself that it is older than 1.0; see the test after this.
  'good/spec-example.json': 'unsupported ociVersion: ',
  'good/zos-example.json': 'unsupported zos: ',
  'good/zos-minimal.json': 'unsupported zos: ',
  'bad/freebsd-vnet-disable.json': 'unsupported freebsd: ',
  'bad/invalid-json.json': 'invalid line 1, column 2: ',
  'bad/linux-hugepage.json': 'invalid linux.resources.hugepageLimits[0].pageSize: ',
  'bad/linux-netdevice.json': 'unsupported linux.netDevices: ',
  'bad/linux-rdma.json': 'invalid linux.resources.rdma.mlx5_1.hcaHandles: ',
};

withData('parseConfig() judges the fixtures of the specification', () => {
  const present = ['good', 'bad'].flatMap((kind) =>
    readdirSync(join(directory, 'test/config', kind)).map((name) => `${kind}/${name}`),
  );
  assert.deepEqual(present.sort(), Object.keys(expected).sort());
  for (const [name, start] of Object.entries(expected)) {
    const failure = failureOf(() => parseConfig(fixture(name)));
    if (start === null) assert.equal(failure, undefined, name);
    else assert.equal(`${failure?.kind} ${failure?.message}`.slice(0, start.length), start, name);
  }
});

withData('parseConfig() takes the example of the specification without what is not built', () => {
  const example = JSON.parse(fixture('good/spec-example.json'));
  example.ociVersion = '1.0.0';
  for (;;) {
    const failure = failureOf(() => parseConfig(JSON.stringify(example)));
    if (failure === undefined) break;
    assert.equal(failure.kind, 'unsupported', failure.message);
    const field = failure.message.slice(0, failure.message.indexOf(':'));
    assert.ok(['linux.intelRdt', 'linux.netDevices', 'linux.memoryPolicy'].includes(field), failure.message);
    delete example.linux[field.replace('linux.', '')];
  }
});

/** Fields of the schemas that the validator does not look at. */
const unread: Record<string, string> = {
  'process.commandLine': 'Windows only',
  'process.user.username': 'Windows only',
};

interface Schema {
  $ref?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  additionalProperties?: Schema;
  patternProperties?: Record<string, Schema>;
  enum?: string[];
}

type Path = (string | number)[];

const files = new Map<string, Schema>();

function readSchema(file: string): Schema {
  let schema = files.get(file);
  if (schema === undefined) {
    schema = JSON.parse(readFileSync(join(directory, file), 'utf8')) as Schema;
    files.set(file, schema);
  }
  return schema;
}

/** The words that a field may be, by its path. */
const words = new Map<string, string[]>();

/** Every field that `schema`, part of `file`, describes below `path`; items and entries count as one each. */
function* fieldsOf(schema: Schema, file: string, path: Path): Generator<Path> {
  if (schema.enum !== undefined) words.set(shown(path), schema.enum);
  if (schema.$ref !== undefined) {
    const [name, pointer = ''] = schema.$ref.split('#');
    const target = name === '' || name === undefined ? file : name;
    let at: unknown = readSchema(target);
    for (const part of pointer.split('/').filter(Boolean)) at = (at as Record<string, unknown>)[part];
    yield* fieldsOf(at as Schema, target, path);
  }
  for (const part of [...(schema.allOf ?? []), ...(schema.anyOf ?? [])]) yield* fieldsOf(part, file, path);
  if (schema.items !== undefined) yield* inner(schema.items, file, [...path, 0]);
  for (const part of [schema.additionalProperties, ...Object.values(schema.patternProperties ?? {})]) {
    if (part !== undefined) yield* inner(part, file, [...path, entryKeys[path.join('.')] ?? 'key']);
  }
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    const field = [...path, name];
    // Sections that are refused as a whole have no known fields.
    if (!foreign.has(field.join('.'))) yield* inner(part, file, field);
  }
}

function* inner(schema: Schema, file: string, path: Path): Generator<Path> {
  yield path;
  yield* fieldsOf(schema, file, path);
}

const foreign = new Set([
  'vm',
  'windows',
  'solaris',
  'zos',
  'freebsd',
  'linux.intelRdt',
  'linux.memoryPolicy',
  'linux.netDevices',
  'linux.personality.flags',
]);
const entryKeys: Record<string, string> = { 'linux.sysctl': 'net.x', 'linux.resources.unified': 'memory.high' };

/** A document that holds nothing but `value` at `path`. */
function documentWith(path: Path, value: unknown): unknown {
  return path.reduceRight<unknown>((content, key) => (key === 0 ? [content] : { [key]: content }), value);
}

function shown(path: Path): string {
  return path
    .map((key) =>
      typeof key === 'number' ? `[${key}]` : /^[\w-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
    )
    .join('')
    .replace(/^\./, '');
}

withData('validateConfig() knows every field and word of the published schemas', () => {
  const fields = new Map<string, Path>();
  for (const path of fieldsOf(readSchema('config-schema.json'), 'config-schema.json', []))
    fields.set(shown(path), path);
  assert.ok(fields.size > 200, `only ${fields.size} fields found`);
  const unknown: string[] = [];
  for (const [name, path] of fields) {
    // No field may be a fraction.
    const failure = failureOf(() => validateConfig(documentWith(path, 0.5)));
    if (failure?.message.startsWith(`${name}: `) !== true || failure.message.endsWith(': missing')) unknown.push(name);
  }
  assert.deepEqual(unknown.sort(), Object.keys(unread).sort());

  assert.ok(words.size > 10, `only ${words.size} fields with a choice of words found`);
  for (const [name, choice] of words) {
    for (const word of choice) {
      const failure = failureOf(() => validateConfig(documentWith(fields.get(name) ?? [], word)));
      if (word === 'SCMP_ACT_NOTIFY') assert.equal(failure?.message, `${name}: not supported`);
      else assert.ok(failure?.message.startsWith(`${name}: `) !== true, failure?.message);
    }
  }
});

withData('validateConfig() refuses what the published schemas leave to other platforms', () => {
  for (const name of foreign) {
    const failure = failureOf(() => validateConfig(documentWith(name.split('.'), { key: 'value' })));
    assert.equal(`${failure?.kind} ${failure?.message}`, `unsupported ${name}: not supported`);
  }
});
