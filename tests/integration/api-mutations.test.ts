// Requests that nobody sends: the engine answers each, goes on, and keeps nothing of them. $PROA_MUTATIONS: how many;
// $PROA_SEED: which.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { operations } from '#engine/api/routes/index.ts';
import { until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';
import { Chance, mutated, mutatedText } from './support/mutate.ts';

const count = Number(process.env['PROA_MUTATIONS'] ?? 500);
const seed = Number(process.env['PROA_SEED'] ?? 1);
const WIDTH = 8;
const PATIENCE_MILLISECONDS = 60_000;
/** What the engine may hold more than before: caches of the run time, not requests. */
const MEMORY_BYTES = 96 << 20;

const createBody = {
  Image: 'proa/base',
  Cmd: ['true'],
  Env: ['A=b'],
  User: 'root',
  Labels: { a: 'b' },
  ExposedPorts: { '80/tcp': {} },
  Volumes: { '/data': {} },
  Healthcheck: { Test: ['CMD', 'true'], Interval: 1e9 },
  WorkingDir: '/tmp',
  StopSignal: 'SIGTERM',
  HostConfig: {
    NetworkMode: 'none',
    Binds: ['/tmp:/machine:ro'],
    Mounts: [{ Type: 'tmpfs', Target: '/scratch', TmpfsOptions: { SizeBytes: 4096 } }],
    Memory: 64 << 20,
    Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
    Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/nothing', CgroupPermissions: 'rwm' }],
    SecurityOpt: ['no-new-privileges'],
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    ExtraHosts: ['a:10.0.0.1'],
  },
};

const bodies: Record<string, unknown> = {
  '/containers/create': createBody,
  '/containers/{id}/exec': { Cmd: ['true'], Env: ['A=b'], User: 'root', WorkingDir: '/tmp', AttachStdout: true },
  '/exec/{id}/start': { Detach: true, Tty: false },
  '/volumes/create': { Name: 'made', Driver: 'local', Labels: { a: 'b' }, DriverOpts: {} },
  '/commit': { Env: ['A=b'], Labels: { a: 'b' } },
};

/** Values that mean something, for what stands in a query. */
const values: Record<string, string[]> = {
  filters: ['{"label":["a"]}', '{"status":["running"]}', '{"dangling":["true"]}', '{"until":["1h"]}', '{"name":["a"]}'],
  path: ['/etc', '/tmp/x', '/proc/1/root', '../..'],
  name: ['made', 'other'],
  names: ['proa/base'],
  container: ['target', 'none'],
  repo: ['made'],
  tag: ['1'],
  fromImage: ['127.0.0.1:1/none'],
  fromSrc: ['-'],
  changes: ['ENV A=b', 'CMD ["a"]'],
  signal: ['0', 'TERM', '9'],
  condition: ['not-running', 'removed'],
  since: ['1', '1h'],
  until: ['1'],
  ps_args: ['-ef', 'aux'],
  detachKeys: ['ctrl-a', 'a,b'],
};

interface Mutation {
  method: string;
  path: string;
  headers: string[];
  body: Buffer;
}

const strangeNames = ['target', 'none', 'proa/base', 'made', '0', '..', '%2e%2e', 'a'.repeat(300)];

/** `known`: what there is, by the first word of a path. */
function mutation(chance: Chance, known: Record<string, string>): Mutation {
  const { method, path: template, query } = chance.of(operations);
  const [, resource = ''] = template.split('/');
  const name = () => (chance.below(4) > 0 ? (known[resource] ?? 'none') : chance.of(strangeNames));
  const plain = template.replace(/\{\w+\*?\}/g, name);
  const search = Object.keys(query)
    .filter(() => chance.below(3) > 0)
    .map((key) => {
      const value = chance.of(values[key] ?? ['1', '0', 'a']);
      return `${key}=${encodeURIComponent(chance.below(3) === 0 ? mutatedText(value, chance) : value)}`;
    });
  const version = chance.below(8) > 0 ? chance.of(['', '/v1.51', '/v1.24']) : chance.of(['/v1.99', '/v0', '/v1.x']);
  // What waits for an end that does not come is no answer: these end by themselves.
  if (template === '/events') search.push('until=1');
  const whole = `${version}${plain}${search.length > 0 ? `?${search.join('&')}` : ''}`;
  const path = chance.below(5) === 0 ? mutatedText(whole, chance) : whole;
  const body = bodies[template];
  const document = JSON.stringify(body === undefined ? chance.of([{}, [], 'text']) : mutated(body, chance)) ?? '';
  const text = chance.below(6) === 0 ? mutatedText(document, chance) : document;
  const headers = [
    chance.of(['Content-Type: application/json', 'Content-Type: text/plain', 'Content-Type: application/x-tar']),
    chance.of(['X-Registry-Auth: e30', 'X-Registry-Auth: %%%', 'Accept: */*', 'X-Strange: \u00ff']),
    ...(chance.below(20) === 0 ? ['Connection: Upgrade', 'Upgrade: tcp'] : []),
  ];
  // The path goes out as it is, but for what would end the line.
  const line = path.replace(/[\s\0]/g, '%20');
  return { method, path: line.startsWith('/') ? line : `/${line}`, headers, body: Buffer.from(text) };
}

/** What is answered, or its beginning; status 0: the connection is ended without. Throws where nothing happens. */
function send(
  socketPath: string,
  { method, path, headers, body }: Mutation,
): Promise<{ status: number; text: string }> {
  return new Promise((answered, failed) => {
    const socket = connect(socketPath);
    let text = '';
    const timer = setTimeout(() => {
      socket.destroy();
      failed(new Error(`no answer: ${method} ${path.slice(0, 500)} ${body.toString().slice(0, 500)}`));
    }, PATIENCE_MILLISECONDS);
    const over = () => {
      clearTimeout(timer);
      socket.destroy();
      answered({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text });
    };
    socket.on('error', over);
    socket.on('close', over);
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1').slice(0, 1000);
      // The head is enough: what follows may wait for the end of a container.
      if (text.length > 12) over();
    });
    const head = [`${method} ${path} HTTP/1.1`, 'Host: proad', ...headers, `Content-Length: ${body.length}`];
    socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]));
  });
}

const descriptors = ({ process: { pid } }: EngineProcess) => readdirSync(`/proc/${pid}/fd`).length;

function memory({ process: { pid } }: EngineProcess): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

async function clear(engine: EngineProcess): Promise<void> {
  for (const { Id } of await engine.ask<{ Id: string }[]>('GET', '/containers/json?all=1'))
    await engine.call('DELETE', `/containers/${Id}?force=1&v=1`);
}

/** A container that requests can mean. Answers the id of a process in it. */
async function target(engine: EngineProcess): Promise<string> {
  const { status } = await engine.call('GET', '/containers/target/json');
  if (status === 404) await engine.runContainer(['sleep', '100000'], { name: 'target' });
  const { json } = await engine.call<{ Id?: string }>('POST', '/containers/target/exec', { Cmd: ['true'] });
  return json.Id ?? 'none';
}

/** The base image may have been taken away by a request that was right after all. */
async function image(engine: EngineProcess, archive: Buffer): Promise<void> {
  const { status } = await engine.call('GET', '/images/proa/base/json');
  if (status === 404) await engine.call('POST', '/images/load', archive);
}

test(`${count} mutated requests: no crash, no hang, nothing kept`, { timeout: 3_600_000 }, async () => {
  await using engine = await EngineProcess.start();
  const { bytes: archive } = await engine.call('GET', '/images/proa/base/get');
  const chance = new Chance(seed);
  const statuses = new Map<number, number>();
  const defects: string[] = [];
  const known: Record<string, string> = { containers: 'target', images: 'proa/base', volumes: 'made' };
  const round = async (requests: number) => {
    for (let left = requests; left > 0; left -= WIDTH) {
      if (left % 400 < WIDTH) await clear(engine);
      await image(engine, archive);
      known['exec'] = await target(engine);
      const all = Array.from({ length: Math.min(left, WIDTH) }, () => mutation(chance, known));
      await Promise.all(
        all.map(async (one) => {
          const { status, text } = await send(engine.socket, one);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (status === 500)
            defects.push(`${one.method} ${one.path.slice(0, 300)} ${one.body.toString().slice(0, 300)}: ${text}`);
        }),
      );
      assert.equal(engine.hasEnded, false, engine.errors);
    }
    await clear(engine);
  };
  await round(Math.min(200, count / 2));
  await until(() => descriptors(engine) < 60, 30).catch(() => {});
  const before = { descriptors: descriptors(engine), memory: memory(engine) };
  await round(count);
  // What was under way ends first.
  await until(() => descriptors(engine) <= before.descriptors + 3, 30).catch(() => {});
  const after = { descriptors: descriptors(engine), memory: memory(engine) };
  console.log(
    `statuses ${JSON.stringify([...statuses].sort())}, before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`,
  );
  assert.deepEqual(defects, [], engine.errors.slice(-3000));
  assert.ok(
    after.descriptors <= before.descriptors + 3,
    `descriptors: ${before.descriptors}, then ${after.descriptors}`,
  );
  assert.ok(after.memory < before.memory + MEMORY_BYTES, `memory: ${before.memory}, then ${after.memory}`);
  assert.equal((await engine.call('GET', '/_ping')).status, 200);
});
