// A container without a mount namespace of its own. Where that would go wrong, the mounts at stake are those of a namespace
// around the runtime.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Agent } from './support/agent.ts';
import {
  container,
  makeBundle,
  newId,
  runtime,
  runtimePath,
  runtimeRoot,
  type TestConfig,
} from './support/container.ts';

function withoutMounts(config: TestConfig): void {
  config.root.readonly = false;
  config.mounts = [];
  config.linux.namespaces = [{ type: 'pid' }, { type: 'ipc' }];
  delete config.hostname;
  delete config.linux.maskedPaths;
  delete config.linux.readonlyPaths;
}

/** The runtime in a mount namespace; what is mounted there afterwards is the last that it prints. */
function runInside(change: (config: TestConfig) => void) {
  using bundle = makeBundle({ args: ['sh', '-c', 'echo "$PWD" /*'], config: change });
  const id = newId('mnt');
  const script = 'before=$(cat /proc/self/mountinfo); "$@"; [ "$before" = "$(cat /proc/self/mountinfo)" ] && echo same';
  const words = ['--root', runtimeRoot, 'run', '--bundle', bundle.path, id];
  return spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', runtimePath, ...words], { encoding: 'utf8' });
}

test('without a mount namespace the root filesystem is used as it is, and the host keeps its mounts', () => {
  const { stdout, stderr } = runInside(withoutMounts);
  assert.equal(stderr, '');
  assert.equal(stdout, '/ /bin /dev /etc /proc /run /sys /tmp\nsame\n');
});

test('a further process is in the root of its container there, too', async () => {
  using made = container({ config: withoutMounts });
  const script = 'echo /*';
  assert.equal(runtime('exec', made.id, 'sh', '-c', script).stdout, '/bin /dev /etc /proc /run /sys /tmp\n');
  assert.match(runtime('exec', '--tty', made.id, 'true').stderr, /open the terminal: .*\/dev\/pts\/ptmx/);

  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ config: withoutMounts });
  using client = agent.monitor(id);
  const streams = { stdin: false, stdout: true, stderr: true };
  const process = { args: ['sh', '-c', script], cwd: '/', env: ['PATH=/bin'] };
  const { exec } = (await client.ask('exec', { process, ...streams })) as { exec: string };
  using attached = agent.monitor(id);
  let output = '';
  await attached.attach('exec-attach', { exec, ...streams }, (bytes) => {
    output += bytes.toString('latin1');
  });
  await client.ask('exec-start', { exec });
  await attached.closed;
  assert.match(output, /\/bin \/dev \/etc \/proc \/run \/sys \/tmp\n$/);
});

test('what would have to be mounted is refused there', () => {
  const { stdout, stderr } = runInside((config) => {
    withoutMounts(config);
    config.root.readonly = true;
  });
  assert.match(stderr, /root\.readonly: needs a namespace of type "mount"/);
  assert.equal(stdout, 'same\n');
});

test('the mount namespace of the runtime is none to be joined', () => {
  const { stdout, stderr } = runInside((config) => {
    const others = config.linux.namespaces?.filter(({ type }) => type !== 'mount') ?? [];
    config.linux.namespaces = [...others, { type: 'mount', path: '/proc/self/ns/mnt' }];
  });
  assert.match(stderr, /linux\.namespaces: "\/proc\/self\/ns\/mnt" is the mount namespace of the runtime/);
  assert.equal(stdout, 'same\n');
});
