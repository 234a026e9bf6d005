// The engine under a service manager, whose tools are played by scripts: tests/guest/systemd has a real one.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

/** Opens a socket as descriptor 3, and becomes the command. This process must not have it: it would accept as well. */
const manager = `import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ["LISTEN_PID"] = os.environ["SYSTEMD_EXEC_PID"] = str(os.getpid())
os.execvp(sys.argv[2], sys.argv[2:])`;

/** An engine as the process of a service; its socket is open already. */
class Service implements AsyncDisposable {
  readonly #socket: string;
  readonly #process: ChildProcess;
  readonly #tools: string;

  private constructor(engine: EngineProcess, systemState: string) {
    this.#socket = engine.socket;
    this.#tools = join(engine.run, 'tools');
    mkdirSync(this.#tools, { recursive: true });
    this.#tool('systemd-notify', `echo "$NOTIFY_SOCKET $*" >>"${this.#tools}/told"`);
    this.#tool('systemctl', `[ "$*" = is-system-running ] && echo ${systemState}`);
    const roots = ['--run', engine.run, '--state', engine.state];
    const line = [process.execPath, resolve('dist/proad.mjs'), 'serve', ...roots];
    this.#process = spawn('python3', ['-c', manager, engine.socket, ...line], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { PATH: `${this.#tools}:${process.env['PATH']}`, LISTEN_FDS: '1', NOTIFY_SOCKET: '/run/some-manager' },
    });
  }

  static async start(engine: EngineProcess, systemState: string): Promise<Service> {
    const service = new Service(engine, systemState);
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
    rmSync(this.#socket, { force: true });
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
