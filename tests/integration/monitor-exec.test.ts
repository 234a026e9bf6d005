// Programs that are run beside a container’s own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, until } from './support/agent.ts';

const sh = (script: string) => ['sh', '-c', script];

test('exec sessions that nobody starts are given up when there are many', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  const process = { args: ['true'], cwd: '/', env: ['PATH=/bin'] };
  using client = agent.monitor(id);
  const request = { process, stdin: true, stdout: true, stderr: true };
  const { exec: first } = (await client.ask('exec', request)) as { exec: string };
  for (let count = 0; count < 300; count++) await client.ask('exec', request);
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  assert.ok(readdirSync(`/proc/${monitor.pid}/fd`).length < 500);
  await assert.rejects(client.ask('exec-start', { exec: first }), /no exec "1"|started before/);
});

test('exec runs in the container with its own streams and status', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  using client = agent.monitor(id);
  const { exec } = (await client.ask('exec', {
    process: { args: sh('cat; hostname; exit 9'), cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'] },
    stdin: true,
    stdout: true,
    stderr: true,
  })) as { exec: string };
  using attached = agent.monitor(id);
  let output = '';
  await attached.attach('exec-attach', { exec, stdin: true, stdout: true, stderr: true }, (bytes) => {
    output += bytes.toString('latin1');
  });
  const waited = client.ask('exec-wait', { exec }) as Promise<{ status: number }>;
  const { pid } = (await client.ask('exec-start', { exec })) as { pid: number };
  assert.ok(pid > 0);
  attached.socket.end('input\n');
  assert.equal((await waited).status, 9);
  await attached.closed;
  assert.match(output, /input\n/);
  assert.match(output, /proa\n/);
  const [listed] = (await client.ask('exec-list')) as { exec: string; running: boolean }[];
  assert.equal(listed?.running, false);
});

test('exec of a missing program fails with its reason, and its session has ended with 127', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  using client = agent.monitor(id);
  const request = { process: { args: ['/no/such'], cwd: '/', env: [] }, stdin: false, stdout: true, stderr: true };
  const { exec } = (await client.ask('exec', request)) as { exec: string };
  await assert.rejects(client.ask('exec-start', { exec }), /no such file or directory/);
  assert.equal(((await client.ask('exec-wait', { exec })) as { status: number }).status, 127);
});

test('an exec that has to wait holds up nobody, and the monitor stays in its own pid namespace', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  const held = spawn('flock', ['--exclusive', join(agent.run, 'runtime', id), 'sh', '-c', 'echo held; read end'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(held.stdout, 'data');
  using client = agent.monitor(id);
  const process = { args: sh('exit 5'), cwd: '/', env: ['PATH=/bin'] };
  const { exec } = (await client.ask('exec', { process, stdin: false, stdout: true, stderr: true })) as {
    exec: string;
  };
  let started = false;
  const starting = client.ask('exec-start', { exec }).then(() => {
    started = true;
  });
  assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
  await sleep(200);
  assert.equal(started, false);
  const namespace = (name: string) => readlinkSync(`/proc/${monitor.pid}/ns/${name}`);
  assert.equal(namespace('pid_for_children'), namespace('pid'));
  held.stdin.end('\n');
  await starting;
  assert.equal(((await client.ask('exec-wait', { exec })) as { status: number }).status, 5);
});

test('exec with a terminal can be resized and signalled', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  using client = agent.monitor(id);
  const process = { args: sh('stty size; exec sleep 100'), cwd: '/', env: ['PATH=/bin'], terminal: true };
  const { exec } = (await client.ask('exec', { process, stdin: true, stdout: true, stderr: true })) as { exec: string };
  await client.ask('exec-resize', { exec, rows: 11, columns: 22 });
  using attached = agent.monitor(id);
  let output = '';
  await attached.attach('exec-attach', { exec, stdin: true, stdout: true, stderr: true }, (bytes) => {
    output += bytes.toString();
  });
  await client.ask('exec-start', { exec });
  await until(() => output.includes('11 22'));
  const waited = client.ask('exec-wait', { exec }) as Promise<{ status: number; signal: number }>;
  await client.ask('exec-signal', { exec, signal: 15 });
  assert.equal((await waited).signal, 15);
});
