// A database as its users run one: made, pushed, pulled, and then everything that keeps it is ended, one after the other. What
// it said that it has must be there.
import assert from 'node:assert/strict';
import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '#tests/integration/support/agent.ts';
import { EngineProcess } from '#tests/integration/support/engine.ts';
import { type Client, makePostgresImage } from './postgres/image.ts';
import { serveRegistry, startDockerRegistry } from './registries.ts';
import { openSite, type Site } from './support.ts';

const image = 'test/postgres:15';
const program = resolve('dist/proa');
const database = ['--network', 'none', '--volume', 'sockets:/var/run/postgresql'];

let engine: EngineProcess;
let site: Site;
let work: string;
let server: ChildProcess | undefined;

before(async () => {
  work = mkdtempSync('/tmp/proa-postgres-');
  engine = await EngineProcess.start();
  makePostgresImage(proa, image);
});

after(async () => {
  server?.kill();
  await site?.end();
  await engine?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

const proa: Client = (words, { input = '' } = {}) => {
  const env = { ...process.env, DOCKER_HOST: `unix://${engine.socket}` };
  const done = spawnSync(program, words, { input, env, encoding: 'utf8', timeout: 240_000 });
  assert.equal(done.status, 0, `proa ${words.join(' ')}: ${done.status}: ${done.stderr}${engine.errors}`);
  return done.stdout.trim();
};

function sql(text: string): string {
  const words = ['psql', '--no-psqlrc', '--tuples-only', '--no-align', '--quiet', '-v', 'ON_ERROR_STOP=1'];
  return proa(['exec', '-i', 'db', ...words], { input: text });
}

async function healthy(): Promise<void> {
  const health = async () => (await engine.inspect('db')).State.Health?.Status;
  await until(async () => (await health()) === 'healthy', 60);
}

async function pid(): Promise<number> {
  return (await engine.inspect('db')).State.Pid;
}

/** A client that writes as fast as it is told that it has written, and keeps all that it was told in its log. */
function startWriter(): void {
  const insert = "INSERT INTO ledger DEFAULT VALUES RETURNING 'written ' || id";
  const psql = 'psql --no-psqlrc --tuples-only --no-align --quiet -v ON_ERROR_STOP=1';
  const words = ['run', '-d', '--name', 'writer', '--restart', 'always', ...database, '--entrypoint', 'sh'];
  proa([...words, image, '-c', `yes "${insert};" | ${psql}`]);
}

/** The rows that the writer was told are there. */
function told(): string[] {
  return [...proa(['logs', 'writer']).matchAll(/written (\d+)$/gm)].map(([, id = '']) => id);
}

async function writerGoesOn(): Promise<void> {
  const before = told().length;
  await until(() => told().length > before + 20, 60);
}

function checkLedger(): void {
  const rows = told();
  const there = new Set(sql('SELECT id FROM ledger').split('\n'));
  assert.ok(rows.length > 20, String(rows.length));
  assert.deepEqual(
    rows.filter((id) => !there.has(id)),
    [],
  );
}

test('the image has several layers and the size of a real one', async () => {
  const { RootFS, Size, Config } = await engine.ask<{
    RootFS: { Layers: string[] };
    Size: number;
    Config: { User: string; Healthcheck: { Test: string[] } };
  }>('GET', `/images/${image}/json`);
  assert.ok(RootFS.Layers.length >= 3, String(RootFS.Layers.length));
  assert.ok(Size > 100e6, String(Size));
  assert.equal(Config.User, 'postgres');
  assert.deepEqual(Config.Healthcheck.Test, ['CMD', 'pg_isready', '--quiet']);
});

test('it goes to Debian’s registry and to ours, and comes back the same', async () => {
  site = await openSite('postgres', { network: false });
  const ours = await serveRegistry(join(work, 'served'));
  server = ours.server;
  const theirs = await startDockerRegistry(site, work);
  const { Id } = await engine.ask<{ Id: string }>('GET', `/images/${image}/json`);
  for (const host of [theirs.host, ours.host]) {
    proa(['tag', image, `${host}/team/postgres:15`]);
    proa(['push', `${host}/team/postgres:15`]);
    const names = proa(['images', '--quiet', '--no-trunc']).split('\n').filter(Boolean);
    proa(['rmi', '--force', ...new Set(names)]);
    assert.equal(proa(['images', '--quiet']), '');
    proa(['pull', `${host}/team/postgres:15`]);
    assert.equal((await engine.ask<{ Id: string }>('GET', `/images/${host}/team/postgres:15/json`)).Id, Id);
    proa(['tag', `${host}/team/postgres:15`, image]);
  }
});

test('a container of it becomes healthy, and pgbench runs from another through a socket in a volume', async () => {
  const volumes = [...database, '--volume', 'data:/var/lib/postgresql/data', '--shm-size', '128m'];
  proa(['run', '-d', '--name', 'db', '--restart', 'always', ...volumes, image]);
  await healthy();
  const pgbench = ['run', '--rm', ...database, '--entrypoint', 'pgbench', image, '--host', '/var/run/postgresql'];
  proa([...pgbench, '--initialize', '--quiet', '--scale', '2']);
  assert.match(proa([...pgbench, '--client', '4', '--time', '3']), /^number of failed transactions: 0 /m);
  assert.equal(sql('SELECT count(*) FROM pgbench_accounts'), '200000');
  sql('CREATE TABLE ledger (id bigserial PRIMARY KEY, at timestamptz DEFAULT now())');
});

test('it works on while engine and agent are killed', async () => {
  startWriter();
  await writerGoesOn();
  const first = await pid();
  for (const round of [1, 2]) {
    await engine.restart('SIGKILL');
    assert.equal(await pid(), first, `round ${round}`);
    const agent = agentPid();
    assert.ok(agent, 'no agent');
    process.kill(agent, 'SIGKILL');
    await until(() => ![undefined, agent].includes(agentPid()), 30);
    assert.equal(await pid(), first, `round ${round}`);
    await writerGoesOn();
  }
  assert.equal((await engine.inspect('writer')).RestartCount, 0);
  checkLedger();
});

/** Of these roots' processes the one that leads a session; undefined where there is none. */
function agentPid(): number | undefined {
  return engine.agents().find((pid) => sessionOf(pid) === pid);
}

function sessionOf(pid: number): number {
  return Number(readProc(`${pid}/stat`).split(') ')[1]?.split(' ')[3]);
}

function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    // It has just ended.
    return '';
  }
}

test('its data is there after stop and start, and after restart', async () => {
  proa(['stop', 'db']);
  assert.equal((await engine.inspect('db')).State.ExitCode, 0);
  proa(['start', 'db']);
  await healthy();
  await writerGoesOn();
  proa(['restart', 'db']);
  await healthy();
  await writerGoesOn();
  checkLedger();
});

test('a server that is killed comes back with all that it confirmed', async () => {
  const first = await pid();
  assert.ok(first > 0);
  process.kill(first, 'SIGKILL');
  await until(async () => ![0, first].includes(await pid()), 30);
  await healthy();
  await writerGoesOn();
  checkLedger();
});

test('it comes back after everything has ended at once and what a boot clears is gone', async () => {
  // Of one that waits for its next start there is none: 0 would be the test's own group.
  const pids = [await pid(), (await engine.inspect('writer')).State.Pid].filter((pid) => pid > 0);
  await engine.kill('SIGKILL');
  const agents = engine.agents();
  // Stopped first, so that none sees the end of another.
  for (const each of [...agents, ...pids]) process.kill(each, 'SIGSTOP');
  for (const each of [...agents, ...pids]) process.kill(each, 'SIGKILL');
  await until(() => engine.agents().length === 0, 10);
  rmSync(engine.run, { recursive: true });
  await engine.start();
  await healthy();
  await writerGoesOn();
  checkLedger();
  assert.equal(sql('SELECT count(*) FROM pgbench_accounts'), '200000');
});

test('every page that it wrote has its checksum', async () => {
  proa(['rm', '--force', 'writer']);
  proa(['stop', 'db']);
  const check = ['run', '--rm', '--network', 'none', '--volumes-from', 'db', '--entrypoint', 'pg_checksums', image];
  assert.match(proa([...check, '--check']), /^Bad checksums: +0$/m);
});
