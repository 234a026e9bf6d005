// Readiness: what a program says through sd_notify(3) arrives at the service manager that called the runtime.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Bundle, makeBundle, newId, runtime, runtimeWith, type TestConfig } from './support/container.ts';

const serve = `
  socket(my $socket, AF_UNIX, SOCK_DGRAM, 0);
  bind($socket, sockaddr_un($ARGV[0])) or die $!;
  chmod 0777, $ARGV[0];
  $| = 1; alarm 15;
  print "bound\\n";
  my $message;
  while (defined recv($socket, $message, 4096, 0)) { print $message =~ s/\\n/|/gr, "\\n" }
`;
const send = `
  socket(my $socket, AF_UNIX, SOCK_DGRAM, 0);
  for (@ARGV) { send($socket, $_, 0, sockaddr_un($ENV{NOTIFY_SOCKET})) or die $! }
`;

/** A service manager that keeps what it is told. Node.js has no sockets of this kind. */
class Manager implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'proa-notify-'));
  readonly socket = join(this.directory, 'manager');
  readonly #process = spawn('perl', ['-MSocket', '-e', serve, this.socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  #said = '';

  async begin(): Promise<NodeJS.ProcessEnv> {
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    await this.messages(0);
    return { ...process.env, NOTIFY_SOCKET: this.socket };
  }

  /** The first `count` messages. */
  async messages(count: number): Promise<string[]> {
    while (this.#said.split('\n').length < count + 2) await once(this.#process.stdout, 'data');
    return this.#said.split('\n').slice(1, count + 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.kill()) await once(this.#process, 'exit');
    rmSync(this.directory, { recursive: true });
  }
}

/** A container in which the host's perl sends `messages`, and then `after` runs. */
function notifier(messages: string[], after = 'true', change?: (config: TestConfig) => void): Bundle {
  const words = messages.map((message) => `"${message}"`).join(' ');
  return makeBundle({
    args: ['sh', '-c', `perl -MSocket -e '${send}' ${words}; ${after}`],
    config: (config) => {
      config.process.env = ['PATH=/bin:/usr/bin'];
      for (const path of ['/usr', '/lib', '/lib64'])
        if (existsSync(path))
          config.mounts?.push({ destination: path, type: 'bind', source: path, options: ['rbind', 'ro'] });
      change?.(config);
    },
  });
}

test('the socket is where the variable says, below the path of the manager’s', async () => {
  await using manager = new Manager();
  const env = await manager.begin();
  using bundle = makeBundle({ args: ['sh', '-c', 'echo $NOTIFY_SOCKET; ls -d $NOTIFY_SOCKET'] });
  const { stdout, stderr } = runtimeWith({ env }, 'run', '--bundle', bundle.path, newId());
  assert.equal(stderr, '');
  assert.equal(stdout, `${manager.socket}/notify\n`.repeat(2));
});

test('an abstract socket of the manager stands for one below /run/notify', () => {
  const env = { ...process.env, NOTIFY_SOCKET: '@proa-test' };
  using bundle = makeBundle({ args: ['sh', '-c', 'echo $NOTIFY_SOCKET'] });
  const { stdout, stderr } = runtimeWith({ env }, 'run', '--bundle', bundle.path, newId());
  assert.equal(stderr, '');
  assert.equal(stdout, '/run/notify/notify\n');
});

test('run passes on what a program says that ends at once', { timeout: 30_000 }, async () => {
  await using manager = new Manager();
  const env = await manager.begin();
  using bundle = notifier(['READY=1'], 'true', (config) => {
    config.linux.namespaces?.push({ type: 'user' });
    for (const mount of config.mounts ?? [])
      mount.options = (mount.options ?? []).filter((option) => option !== 'gid=5');
  });
  for (let time = 1; time <= 5; time++) {
    const { stderr } = runtimeWith({ env }, 'run', '--bundle', bundle.path, newId());
    assert.equal(stderr, '');
    const [ready, main] = (await manager.messages(time * 2)).slice(-2);
    assert.equal(ready, 'READY=1');
    assert.match(String(main), /^MAINPID=\d+$/);
  }
});

test('run --detach leaves when the program is ready', { timeout: 30_000 }, async () => {
  await using manager = new Manager();
  const env = await manager.begin();
  using bundle = notifier(['STATUS=begins', 'MAINPID=1\nREADY=1\nSTATUS=runs'], 'exec sleep 100');
  const id = newId();
  try {
    const { stderr } = runtimeWith({ env }, 'run', '--detach', '--bundle', bundle.path, id);
    assert.equal(stderr, '');
    const { pid } = JSON.parse(runtime('state', id).stdout) as { pid: number };
    assert.deepEqual(await manager.messages(3), ['STATUS=begins', 'READY=1|STATUS=runs', `MAINPID=${pid}`]);
  } finally {
    runtime('delete', '--force', id);
  }
});

test('start leaves when the program of a created container is ready', { timeout: 30_000 }, async () => {
  await using manager = new Manager();
  const env = await manager.begin();
  using bundle = notifier(['READY=1'], 'exec sleep 100');
  const id = newId();
  try {
    assert.equal(runtimeWith({ env }, 'create', '--bundle', bundle.path, id).stderr, '');
    assert.equal(runtimeWith({ env }, 'start', id).stderr, '');
    assert.equal((await manager.messages(1))[0], 'READY=1');
  } finally {
    runtime('delete', '--force', id);
  }
});
