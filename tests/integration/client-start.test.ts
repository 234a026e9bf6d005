// The client starts the engine when none answers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

const client = resolve(process.env['PROA'] ?? 'dist/proa');

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

function proa(engine: EngineProcess, words: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Result> {
  const { NODE_EXTRA_CA_CERTS: _slow, DOCKER_HOST: _other, ...inherited } = process.env;
  const env = { ...inherited, PROA_RUN: engine.run, PROA_STATE: engine.state, ...more };
  return new Promise((done, failed) => {
    const child = spawn(client, words, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    const result: Result = { status: null, stdout: '', stderr: '' };
    child.stdout.on('data', (text) => {
      result.stdout += text;
    });
    child.stderr.on('data', (text) => {
      result.stderr += text;
    });
    child.on('error', failed);
    child.on('close', (status) => done({ ...result, status }));
  });
}

/** The one that a client has started is nobody's child here. */
async function endStarted(engine: EngineProcess): Promise<void> {
  // The name of the lock begins with whose it is.
  const [lock = ''] = readdirSync(join(engine.state, 'images/lock'));
  const pid = Number.parseInt(lock, 10);
  assert.ok(pid > 1, lock);
  process.kill(pid, 'SIGTERM');
  await until(() => !engine.agents().includes(pid));
}

test('clients that come at the same time start one engine, and all of their containers run', async () => {
  await using engine = new EngineProcess();
  const words = ['one', 'two', 'three'];
  const results = await Promise.all(words.map((word) => proa(engine, ['run', '--rm', 'proa/base', 'echo', word])));
  for (const [at, { status, stdout, stderr }] of results.entries())
    assert.deepEqual([status, stdout], [0, `${words[at]}\n`], stderr);
  const engines = engine.agents().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('serve'));
  assert.equal(engines.length, 1);
  assert.equal((await proa(engine, ['ps', '--all', '--quiet'])).stdout, '');
  await endStarted(engine);
  await engine.start();
});

test('an engine that cannot start is told at once, with its last words', async () => {
  await using engine = new EngineProcess();
  const broken = join(engine.state, 'broken.mjs');
  writeFileSync(broken, 'console.error("no luck today"); process.exit(1);');
  const begin = Date.now();
  const { status, stderr } = await proa(engine, ['ps'], { PROA_ENGINE: broken });
  assert.equal(status, 1);
  assert.match(stderr, /no luck today/);
  assert.ok(Date.now() - begin < 15_000);
  await engine.start();
});

test('where a host is named nothing is started', async () => {
  await using engine = new EngineProcess();
  const { status, stderr } = await proa(engine, ['--host', `unix://${engine.socket}`, 'ps']);
  assert.equal(status, 1);
  assert.match(stderr, /proad\.sock/);
  assert.deepEqual(engine.agents(), []);
  await engine.start();
});
