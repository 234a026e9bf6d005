// The engine under a service manager, whose tools are played by scripts: tests/guest/systemd has a real one.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

/** An engine as the process of a service; its socket is open already. */
class Service implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #tools: string;

  private constructor(listener: Server, engine: EngineProcess, systemState: string) {
    this.#tools = join(engine.run, 'tools');
    mkdirSync(this.#tools, { recursive: true });
    this.#tool('systemd-notify', `echo "$NOTIFY_SOCKET $*" >>"${this.#tools}/told"`);
    this.#tool('systemctl', `[ "$*" = is-system-running ] && echo ${systemState}`);
    // The shell has the number that the engine will have.
    const script = 'LISTEN_PID=$$ SYSTEMD_EXEC_PID=$$ exec "$@"';
    const roots = ['--run', engine.run, '--state', engine.state];
    const line = [process.execPath, resolve('dist/proad.mjs'), 'serve', ...roots];
    const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
    this.#process = spawn('sh', ['-c', script, 'sh', ...line], {
      stdio: ['ignore', 'ignore', 'inherit', fd],
      env: { PATH: `${this.#tools}:${process.env['PATH']}`, LISTEN_FDS: '1', NOTIFY_SOCKET: '/run/some-manager' },
    });
  }

  static async start(engine: EngineProcess, systemState: string): Promise<Service> {
    const listener = createServer();
    // Closed here once the service has it, or connections might come to this process; and a close removes its name.
    await new Promise<void>((listening) => listener.listen(`${engine.socket}.new`, listening));
    renameSync(`${engine.socket}.new`, engine.socket);
    const service = new Service(listener, engine, systemState);
    listener.close();
    await until(() => service.told !== '' || service.hasEnded, 30);
    return service;
  }

  #tool(name: string, script: string): void {
    writeFileSync(join(this.#tools, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.#tools, name), 0o755);
  }

  /** What the manager has heard. */
  get told(): string {
    return existsSync(join(this.#tools, 'told')) ? readFileSync(join(this.#tools, 'told'), 'utf8') : '';
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.#process.once('exit', done));
    if (!this.hasEnded) {
      this.#process.kill('SIGTERM');
      await gone;
    }
    assert.equal(this.#process.exitCode, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

test('the engine serves on the socket that it is given, says when it is ready, and leaves the socket', async () => {
  await using engine = await EngineProcess.start();
  const id = await engine.runContainer(['sleep', '1000']);
  await engine.kill('SIGTERM');
  const { Pid } = await (async () => {
    await using service = await Service.start(engine, 'running');
    assert.equal(service.told, '/run/some-manager --ready\n');
    const { State } = await engine.inspect(id);
    assert.equal(State.Status, 'running');
    await service.stop();
    assert.ok(existsSync(engine.socket));
    return State;
  })();
  await engine.start();
  assert.equal((await engine.inspect(id)).State.Pid, Pid);
});

test('when the system ends, containers end in their own way, and come back as their policies say', async () => {
  await using engine = await EngineProcess.start();
  const script = 'trap "exit 7" TERM; echo ready; while :; do sleep 0.1; done';
  const policies = ['always', 'unless-stopped', 'on-failure', 'no'];
  const ids = await Promise.all(
    policies.map((Name) => engine.runContainer(['sh', '-c', script], { host: { RestartPolicy: { Name } } })),
  );
  const stopped = await engine.runContainer(['sleep', '1000'], { host: { RestartPolicy: { Name: 'unless-stopped' } } });
  await engine.ask('POST', `/containers/${stopped}/stop?t=0`);
  for (const id of ids)
    await until(async () => (await engine.call('GET', `/containers/${id}/logs?stdout=1`)).text.includes('ready'));
  await engine.kill('SIGTERM');
  {
    await using _service = await Service.start(engine, 'stopping');
  }
  for (const id of ids) {
    const record = JSON.parse(readFileSync(join(engine.state, 'containers', id, 'state.json'), 'utf8'));
    assert.equal(record.exit.status, 7);
  }
  await engine.start();
  const states = await Promise.all([...ids, stopped].map(async (id) => (await engine.inspect(id)).State.Status));
  assert.deepEqual(states, ['running', 'running', 'running', 'exited', 'exited']);
});
