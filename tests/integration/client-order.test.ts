// In which order the client asks for a container's streams, its end and its start: as the engine can take it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { EngineProcess } from './support/engine.ts';

const client = resolve(process.env['PROA'] ?? 'dist/proa');

/** Passes everything on between a client and an engine, answers a while later, and has a line for each request and answer. */
async function between(engine: EngineProcess, rewrite: (answer: string) => string) {
  const lines: string[] = [];
  const pass = (from: Socket, to: Socket, mark: string, milliseconds: number, change = (text: string) => text) => {
    from.on('data', (bytes) => {
      const text = change(bytes.toString('latin1'));
      const [line = ''] = /^(?:POST|HTTP)[^\r]*/.exec(text) ?? [];
      setTimeout(() => {
        if (line) lines.push(`${mark} ${line}`);
        to.write(text, 'latin1');
      }, milliseconds);
    });
    from.on('end', () => setTimeout(() => to.end(), milliseconds));
    from.on('error', () => to.destroy());
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: engine.socket, allowHalfOpen: true });
    pass(near, far, '>', 0);
    pass(far, near, '<', 50, rewrite);
  });
  const path = join(engine.run, 'between.sock');
  server.listen(path);
  await once(server, 'listening');
  return { path, lines, [Symbol.dispose]: () => void server.close() };
}

async function run(host: string): Promise<string> {
  const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
  const words = ['--host', `unix://${host}`, 'run', '--rm', '--network', 'none', 'proa/base', 'echo', 'all'];
  const child = spawn(client, words, { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const [status] = await once(child, 'close');
  return `${output}${status}`;
}

test('run asks for streams, end and start at once where the engine holds the start for the others', async () => {
  await using engine = await EngineProcess.start();
  using proxy = await between(engine, (answer) => answer);
  assert.equal(await run(proxy.path), 'all\n0');
  const start = proxy.lines.findIndex((line) => /^> POST .*\/start\?attached=1&waiting=1 /.test(line));
  const attached = proxy.lines.findIndex((line) => /^< HTTP\/1\.1 101 /.test(line));
  assert.ok(start > 0 && start < attached, proxy.lines.join('\n'));
});

test('run asks an engine that does not say so for the start when it is attached', async () => {
  await using engine = await EngineProcess.start();
  using proxy = await between(engine, (answer) => answer.replace('Proa-Additions', 'Other-Additions'));
  assert.equal(await run(proxy.path), 'all\n0');
  const start = proxy.lines.findIndex((line) => /^> POST .*\/start /.test(line));
  const attached = proxy.lines.findIndex((line) => /^< HTTP\/1\.1 101 /.test(line));
  assert.ok(attached > 0 && start > attached, proxy.lines.join('\n'));
});
