import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './support/agent.ts';
import {
  container,
  makeBundle,
  newId,
  runtime,
  runtimePath,
  runtimeRoot,
  runtimeWith,
  type TestConfig,
} from './support/container.ts';

const prefix = 'cg';

test('ps shows the processes of a container', () => {
  using made = container({ prefix, args: ['sh', '-c', 'sleep 100 & exec sleep 101'] });
  const pids = JSON.parse(runtime('ps', '--format', 'json', made.id).stdout) as number[];
  assert.equal(pids.length, 2);
  assert.ok(pids.includes(made.pid));
  const [heading, ...lines] = runtime('ps', made.id, '-e', '-o', 'pid,args').stdout.trimEnd().split('\n');
  assert.match(heading ?? '', /^ *PID +COMMAND/);
  assert.deepEqual(lines.map((line) => line.trim().replace(/^\d+ +/, '')).sort(), ['sleep 100', 'sleep 101']);
  assert.match(runtime('ps', made.id).stdout, /^UID .*\n.*sleep 10/);
  assert.match(runtime('ps', '-f', 'xml', made.id).stderr, /option --format/);
});

test('list shows all containers', () => {
  using made = container({ prefix });
  const { id, pid, bundle } = made;
  assert.equal(runtime('list', '-q').stdout, `${id}\n`);
  const [only, ...more] = JSON.parse(runtime('list', '--format', 'json').stdout) as Record<string, unknown>[];
  assert.deepEqual(more, []);
  const { created, ...rest } = only ?? {};
  assert.ok(Math.abs(Date.parse(created as string) - Date.now()) < 60_000);
  const { ociVersion, root } = bundle.config;
  assert.deepEqual(rest, {
    ociVersion,
    id,
    pid,
    status: 'running',
    bundle: bundle.path,
    rootfs: root.path,
    owner: 'root',
  });
  const [heading, line] = runtime('list').stdout.split('\n');
  assert.match(heading ?? '', /^ID +PID +STATUS +BUNDLE +CREATED +OWNER$/);
  assert.ok(line?.startsWith(`${id} `) && line.endsWith(' root'));
});

test('a container that is only just begun is listed with a time that can be parsed', () => {
  const id = newId(prefix);
  mkdirSync(join(runtimeRoot, id));
  const [found] = JSON.parse(runtime('list', '--format', 'json').stdout) as Record<string, string>[];
  assert.deepEqual([found?.['id'], found?.['status']], [id, 'creating']);
  assert.ok(Math.abs(Date.parse(found?.['created'] ?? '') - Date.now()) < 60_000);
  assert.equal(JSON.parse(runtime('state', id).stdout).status, 'creating');
  assert.equal(runtime('delete', '--force', id).status, 0);
  assert.equal(runtime('list', '-q').stdout, '');
});

const tracing = spawnSync('strace', ['-V']).status === 0;

test('delete --force takes what is being made, at whatever time', {
  skip: !tracing && 'strace is missing',
}, async () => {
  using bundle = makeBundle();
  const id = newId(prefix);
  // It has claimed the id, and has yet to record anything.
  const slow = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=flock', '--inject=flock:delay_exit=1000000:when=1'];
  const words = [...slow, runtimePath, '--root', runtimeRoot, 'create', '--bundle', bundle.path, id];
  const creating = spawn('strace', words, { stdio: 'ignore' });
  const ended = once(creating, 'exit');
  await until(() => existsSync(join(runtimeRoot, id)));
  await sleep(200);
  const { status, stderr } = runtime('delete', '--force', id);
  assert.deepEqual([status, stderr], [0, '']);
  await ended;
  assert.equal(existsSync(join(runtimeRoot, id)), false);
  assert.equal(existsSync(`/sys/fs/cgroup/pids/${id}`), false);
});

test('spec writes a configuration that runs, and overwrites none', () => {
  using bundle = makeBundle({ args: ['true'] });
  assert.equal(runtime('run', '--bundle', bundle.path, newId(prefix)).status, 0);
  assert.match(runtimeWith({ cwd: bundle.path }, 'spec').stderr, /config\.json exists\. Remove it first/);
  const directory = mkdtempSync('/tmp/proa-spec-');
  try {
    assert.equal(runtimeWith({ cwd: directory }, 'spec', '--rootless').status, 0);
    const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as TestConfig;
    assert.ok(config.linux.namespaces?.some(({ type }) => type === 'user'));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

const schemas = join(process.env['PROA_SPECS'] ?? '../shared/specs', 'runtime-spec');

test('features prints what the schema of the specification describes', { skip: !existsSync(schemas) }, () => {
  const features = JSON.parse(runtime('features').stdout) as Record<string, unknown>;
  const schema = (name: string) => JSON.parse(readFileSync(join(schemas, name), 'utf8'));
  const types: Record<string, (value: unknown) => boolean> = {
    array: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
    object: (value) => typeof value === 'object' && !Array.isArray(value),
    boolean: (value) => typeof value === 'boolean',
  };
  const check = (
    value: unknown,
    { type, properties }: { type?: string; properties?: Record<string, never> },
    path: string,
  ) => {
    if (type) assert.ok(types[type]?.(value), `${path} is no ${type}`);
    for (const [key, inner] of Object.entries(properties ? (value as object) : {})) {
      assert.ok(properties?.[key], `${path}.${key} is not in the schema`);
      check(inner, properties[key] as never, `${path}.${key}`);
    }
  };
  const { linux, ...rest } = features;
  for (const key of Object.keys(rest)) assert.ok(schema('features-schema.json').properties[key], key);
  check(linux, schema('features-linux.json').linux, 'linux');
  const known = (name: string) => schema('defs-linux.json').definitions[name].enum as string[];
  const { namespaces, seccomp } = linux as { namespaces: string[]; seccomp: Record<string, string[]> };
  assert.deepEqual(namespaces, [...known('NamespaceType')].sort());
  for (const [field, definition] of [
    ['actions', 'SeccompAction'],
    ['operators', 'SeccompOperators'],
    ['archs', 'SeccompArch'],
    ['knownFlags', 'SeccompFlag'],
  ] as const) {
    for (const word of seccomp[field] ?? []) assert.ok(known(definition).includes(word), word);
  }
});
