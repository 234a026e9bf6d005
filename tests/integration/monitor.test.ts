import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, Client, olderVersion, otherRuntime, overlayOf, until } from './support/agent.ts';
import { newId } from './support/container.ts';

const sh = (script: string) => ['sh', '-c', script];

/** Of a descriptor, which may just have been closed. */
function readlinkIfAny(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

test('a container runs, its output is logged and its exit recorded', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('echo out; echo err >&2; exit 7') });
  const exit = await agent.ended(id);
  assert.equal(exit.status, 7);
  assert.equal(exit.outOfMemory, false);
  assert.deepEqual(agent.log(id).sort(), ['stderr F err', 'stdout F out']);
  assert.equal(existsSync(join(agent.run, 'runtime', id)), false);
});

test('a failed start is answered with its reason, and leaves nothing', async () => {
  await using agent = new Agent();
  await agent.start();
  await assert.rejects(agent.create({ args: ['/no/such/program'] }), /no such file or directory/);
  assert.deepEqual(readdirSync(join(agent.run, 'containers')), []);
});

test('an id that is in use is refused, and its container left alone', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('sleep 1; exit 6') });
  await assert.rejects(agent.create({ request: { id } }), /container with given ID already exists/);
  assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
  assert.equal((await agent.ended(id)).status, 6);
});

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

test('create and start are two steps; who waits and attaches between them misses nothing', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('echo hello; exit 3'), request: { start: false } });
  assert.equal((await agent.ask(id, 'state'))['phase'], 'created');
  using attached = agent.monitor(id);
  let output = Buffer.alloc(0);
  await attached.attach('attach', { stdin: false, stdout: true, stderr: true }, (bytes) => {
    output = Buffer.concat([output, bytes]);
  });
  using waiter = agent.monitor(id);
  const wait = waiter.ask('wait') as Promise<{ status: number }>;
  await agent.ask(id, 'start');
  assert.equal((await wait).status, 3);
  await until(() => output.length >= 14);
  assert.deepEqual([...output.subarray(0, 8)], [1, 0, 0, 0, 0, 0, 0, 6]);
  assert.equal(output.subarray(8).toString(), 'hello\n');
});

test('input reaches the program, and its end too', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('cat; echo done'), request: { stdin: 'once' } });
  using attached = agent.monitor(id);
  let output = '';
  await attached.attach('attach', { stdin: true, stdout: true, stderr: true }, (bytes) => {
    output += bytes.toString('latin1');
  });
  const sent = 'x'.repeat(300_000);
  attached.socket.end(sent);
  assert.equal((await agent.ended(id)).status, 0);
  await attached.closed;
  assert.equal(
    output
      .replace(/[\x00-\x1f\x7f-\xff]/g, '')
      .replaceAll('done', '')
      .match(/x/g)?.length,
    sent.length,
  );
  assert.match(output, /done\n$/);
});

test('a terminal has the size it was given, and answers', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: sh('read line; stty size; echo "got $line"'),
    config: (config) => {
      config.process.terminal = true;
    },
    request: { stdin: 'open', start: false },
  });
  using attached = agent.monitor(id);
  await attached.ask('resize', { rows: 33, columns: 99 });
  let output = '';
  await attached.attach('attach', { stdin: true, stdout: true, stderr: true }, (bytes) => {
    output += bytes.toString();
  });
  await agent.ask(id, 'start');
  attached.socket.write('word\n');
  await attached.closed;
  assert.match(output, /33 99\r\ngot word\r\n/);
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

test('stop asks, waits and kills; a stopped container is not started again', async () => {
  await using agent = new Agent();
  await agent.start();
  const restart = { policy: 'always' } as const;
  const deaf = await agent.create({ args: sh('trap "" TERM; while :; do sleep 1; done'), request: { restart } });
  const polite = await agent.create({
    args: sh('trap "exit 5" TERM; while :; do sleep 0.1; done'),
    request: { restart },
  });
  await new Promise((done) => setTimeout(done, 200));
  assert.equal((await agent.ask(polite, 'stop', { graceSeconds: 10 }))['status'], 5);
  assert.equal((await agent.ask(deaf, 'stop', { graceSeconds: 1 }))['signal'], 9);
  assert.equal((await agent.ended(deaf)).status, 137);
});

test('restart policies start a container again, with growing delays', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: sh('echo run; exit 1'),
    request: { restart: { policy: 'on-failure', maximumRetries: 3 } },
  });
  const begin = Date.now();
  assert.equal((await agent.ended(id)).status, 1);
  assert.ok(Date.now() - begin >= 690, 'delays of 100, 200 and 400 ms');
  assert.equal(agent.log(id).length, 4);
  assert.equal(agent.kept(id)?.restarts, 3);
});

test('health checks turn a container healthy and unhealthy, and on-unhealthy starts it again', async () => {
  await using agent = new Agent();
  await agent.start();
  const health = {
    args: sh('[ -e /tmp/well ] && echo fine'),
    interval: 100,
    timeout: 2000,
    retries: 2,
    startPeriod: 0,
    startInterval: 50,
  };
  const id = await agent.create({
    args: sh('touch /tmp/well; sleep 1; rm /tmp/well; exec sleep 100'),
    config: (config) => {
      config.mounts = [...(config.mounts ?? []), { destination: '/tmp', type: 'tmpfs', source: 'tmpfs' }];
    },
    request: { health, restart: { policy: 'on-unhealthy' } },
  });
  using client = agent.monitor(id);
  await client.ask('watch');
  const turned = () => client.notices.filter(({ notice }) => notice === 'health').map(({ status }) => status);
  await until(() => turned().includes('unhealthy'), 20);
  assert.deepEqual(turned().slice(0, 2), ['healthy', 'unhealthy']);
  await until(() => client.notices.some(({ notice }) => notice === 'restart'));
  await until(() => turned().length >= 3);
  const { health: kept } = (await agent.ask(id, 'state')) as { health: { checks: { output: string }[] } };
  assert.ok(kept.checks.some(({ output }) => output === 'fine\n'));
});

test('checks whose children keep their streams open are ended late, and take nothing with them', async () => {
  await using agent = new Agent();
  await agent.start();
  const health = {
    args: sh('sleep 100 & exit 0'),
    interval: 1,
    timeout: 50,
    retries: 1000,
    startPeriod: 0,
    startInterval: 1,
  };
  const id = await agent.create({ args: sh('sleep 1; exit 3'), request: { health } });
  assert.equal((await agent.ended(id)).status, 3);
});

test('clients that leave a silent program, or watch and leave, leave no descriptor', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  const descriptors = () => readdirSync(`/proc/${monitor.pid}/fd`).length;
  const before = descriptors();
  for (let count = 0; count < 10; count++) {
    using attached = agent.monitor(id);
    await attached.attach('attach', { stdin: true, stdout: true, stderr: true }, () => {});
    using watching = agent.monitor(id);
    await watching.ask('watch');
  }
  await until(() => descriptors() <= before);
});

test('input is taken and dropped when the program has closed its end while input waits', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('sleep 0.5; exec <&-; sleep 100'), request: { stdin: 'open' } });
  using attached = agent.monitor(id);
  await attached.attach('attach', { stdin: true, stdout: true, stderr: true }, () => {});
  const sent = new Promise((done) => attached.socket.write('x'.repeat(2_000_000), done));
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('input is not taken')), 5000).unref());
  await Promise.race([sent, late]);
});

test('pause, resume, kill, stats and update', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  await agent.ask(id, 'pause');
  assert.equal((await agent.ask(id, 'state'))['phase'], 'paused');
  await assert.rejects(agent.ask(id, 'pause'), /paused/);
  await agent.ask(id, 'resume');
  await agent.ask(id, 'update', { resources: { pids: { limit: 50 } } });
  const stats = await agent.ask(id, 'stats', {});
  const { cgroups, interfaces } = stats as { cgroups: { pids: { limit: number } }; interfaces: { name: string }[] };
  assert.equal(cgroups.pids.limit, 50);
  assert.deepEqual(
    interfaces.map(({ name }) => name),
    ['lo'],
  );
  using client = agent.monitor(id);
  await client.ask('stats', { interval: 20 });
  await until(() => client.notices.filter((notice) => 'stats' in notice).length >= 3);
  await assert.rejects(agent.ask(id, 'checkpoint', { directory: '/tmp' }), /not supported by proa-runtime yet/);
  await agent.ask(id, 'kill', { signal: 9 });
  assert.equal((await agent.ended(id)).signal, 9);
});

test('a container that runs out of memory says so', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: sh('x=x; while :; do x="$x$x"; done'),
    config: (config) => {
      config.linux.resources = { ...config.linux.resources, memory: { limit: 16 << 20, swap: 16 << 20 } };
    },
  });
  assert.equal((await agent.ended(id)).outOfMemory, true);
});

test('malformed messages are answered and harm nobody', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  for (const path of [join(agent.run, 'agent'), join(agent.run, 'containers', id, 'monitor')]) {
    for (const bytes of [
      Buffer.from('nonsense that is no frame'),
      Buffer.alloc(4),
      Buffer.from([0, 0, 0, 2, 0x7b, 0x7d]),
    ]) {
      using client = new Client(path);
      client.socket.write(bytes);
      client.socket.end();
      await client.closed;
    }
    using client = new Client(path);
    await assert.rejects(client.ask('nothing'), /question\.ask: expected a request/);
  }
  using client = new Client(join(agent.run, 'agent'));
  await assert.rejects(client.ask('create', { container: { id: 7 } }), /container\.id/);
  assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
});

test('a second agent is refused by name', async () => {
  await using agent = new Agent();
  await agent.start();
  const second = spawnSync('dist/proa-agent', ['--run', agent.run, '--state', agent.state], { encoding: 'utf8' });
  assert.equal(second.status, 1);
  assert.match(second.stderr, new RegExp(`another agent serves "${agent.run}"`));
});

test('containers live on without their agent, and a later agent and client know all of them', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done') });
  await agent.kill();
  const before = agent.log(id).length;
  await until(() => agent.log(id).length > before + 20);
  await agent.start();
  assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
  await agent.ask(id, 'kill', { signal: 9 });
  await agent.ended(id);
  agent.log(id).forEach((line, index) => {
    assert.equal(line, `stdout F ${index}`);
  });
});

test('a monitor that is killed is noticed: its container ends, that is recorded, its policy holds', async () => {
  await using agent = new Agent();
  await agent.start();
  const plain = await agent.create();
  const again = await agent.create({ request: { restart: { policy: 'always' } } });
  const orphans = [plain, again].map(async (id) => {
    const { pid, monitor } = (await agent.ask(id, 'state')) as { pid: number; monitor: { pid: number } };
    process.kill(monitor.pid, 'SIGKILL');
    return pid;
  });
  const pids = await Promise.all(orphans);
  const exit = await agent.ended(plain);
  assert.equal(exit.failure?.message, 'monitor lost');
  await until(async () => {
    const state: Record<string, unknown> = await agent.ask(again, 'state').catch(() => ({}));
    return state['restarts'] === 1 && state['phase'] === 'running';
  });
  for (const pid of pids)
    assert.equal(existsSync(`/proc/${pid}/ns/pid`) && readFileSync(`/proc/${pid}/stat`, 'utf8').includes(' S '), false);
});

test('a monitor that is killed while no agent runs is noticed by the next', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  await agent.kill();
  process.kill(monitor.pid, 'SIGKILL');
  await until(() => !existsSync(`/proc/${monitor.pid}/exe`));
  await agent.start();
  assert.equal((await agent.ended(id)).failure?.message, 'monitor lost');
});

test('a monitor that is killed while it makes its container is noticed, and its id is free again', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = newId('agent');
  const creating = agent.create({
    request: { id },
    config: (config) => {
      config.hooks = { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '5'] }] };
    },
  });
  const refused = assert.rejects(creating, /closed/);
  const file = join(agent.run, 'containers', id, 'state.json');
  await until(() => existsSync(file) && existsSync(join(agent.run, 'runtime', id, 'state.json')));
  const { monitor } = JSON.parse(readFileSync(file, 'utf8')) as { monitor: { pid: number } };
  process.kill(monitor.pid, 'SIGKILL');
  await refused;
  await until(() => !existsSync(join(agent.run, 'containers', id)) && !existsSync(join(agent.run, 'runtime', id)));
  await agent.create({ request: { id } });
});

test('layers are mounted for the container alone, anew for each start; what it writes stays', async () => {
  await using agent = new Agent();
  await agent.start();
  const overlay = overlayOf(join(agent.state, 'layers'));
  const id = await agent.create({
    args: sh('cat /word 2>/dev/null; echo again >> /word; [ $(wc -l < /word) = 3 ]'),
    config: (config) => {
      config.root.readonly = false;
    },
    request: { overlay, restart: { policy: 'on-failure' } },
  });
  assert.equal((await agent.ended(id)).status, 0);
  assert.deepEqual(agent.log(id), ['stdout F again', 'stdout F again', 'stdout F again']);
  assert.equal(readFileSync(join(overlay.upper, 'word'), 'utf8'), 'again\nagain\nagain\n');
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(agent.state), false);
});

test('clean-up hooks run after each end, with the container’s state', async () => {
  await using agent = new Agent();
  await agent.start();
  const file = join(agent.state, 'cleaned');
  const id = await agent.create({
    args: ['false'],
    request: {
      restart: { policy: 'on-failure', maximumRetries: 1 },
      cleanUp: [{ path: '/bin/sh', args: ['sh', '-c', `cat >> ${file}; echo >> ${file}`] }],
    },
  });
  await agent.ended(id);
  await until(() => existsSync(file) && readFileSync(file, 'utf8').split('\n').length === 3);
  const [first] = readFileSync(file, 'utf8').split('\n');
  assert.equal((JSON.parse(first ?? '') as { id: string; status: string }).id, id);
});

test('a removed run directory leaves container and log alone; the end is recorded', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('echo before; sleep 1; echo after; exit 4') });
  await until(() => existsSync(agent.logPath(id)) && agent.log(id).length === 1);
  rmSync(join(agent.run, 'containers', id), { recursive: true });
  assert.equal((await agent.ended(id)).status, 4);
  assert.deepEqual(agent.log(id), ['stdout F before', 'stdout F after']);
});

test('what is removed on exit leaves no record', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: ['true'], request: { removeOnExit: true } });
  await until(() => !existsSync(join(agent.run, 'containers', id)));
  assert.equal(agent.kept(id), undefined);
});

test('each container has namespaces of its own, whose monitor is in none of them and holds none', async () => {
  await using agent = new Agent();
  await agent.start();
  const namespaces = (pid: number) => ['net', 'ipc'].map((name) => readlinkSync(`/proc/${pid}/ns/${name}`));
  const ours = namespaces(process.pid);
  const seen = new Set(ours);
  const look = async (id: string) => {
    const { pid = 0, monitor } = JSON.parse(readFileSync(join(agent.run, 'containers', id, 'state.json'), 'utf8'));
    assert.deepEqual(namespaces(monitor.pid), ours);
    const open = `/proc/${monitor.pid}/fd`;
    // It answers first, and lets go then.
    await until(() => !readdirSync(open).some((fd) => /^(net|ipc):/.test(readlinkIfAny(join(open, fd)))));
    return namespaces(pid);
  };
  for (let count = 0; count < 3; count++) {
    const id = await agent.create({ args: sh('cat /sys/class/net/lo/flags; sleep 100') });
    for (const namespace of await look(id)) {
      assert.ok(!seen.has(namespace), namespace);
      seen.add(namespace);
    }
    await until(() => agent.log(id).length > 0);
    // IFF_UP and IFF_LOOPBACK.
    assert.deepEqual(agent.log(id), ['stdout F 0x9']);
  }
  const shared = await agent.create({
    args: ['sleep', '100'],
    config({ linux }) {
      linux.namespaces = (linux.namespaces ?? []).filter(({ type }) => type !== 'network');
    },
  });
  const [network, ipc = ''] = await look(shared);
  assert.equal(network, ours[0]);
  assert.ok(!seen.has(ipc));
});

test('who is slow to ask holds nobody up', async () => {
  await using agent = new Agent();
  await agent.start();
  const silent = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const socket = connect(join(agent.run, 'agent'));
      await once(socket, 'connect');
      return socket;
    }),
  );
  const before = Date.now();
  const id = await agent.create({ args: ['true'] });
  assert.equal((await agent.ended(id)).status, 0);
  // Each of them would be heard for ten seconds.
  assert.ok(Date.now() - before < 8000);
  for (const socket of silent) socket.destroy();
});

test('pid 1 gets nothing of agent and monitor but its streams', async () => {
  await using agent = new Agent();
  await agent.start();
  const script =
    'ls /proc/self/fd; grep -E "^Sig(Blk|Ign)|^NoNewPrivs" /proc/self/status; umask; pwd; cat /proc/self/oom_score_adj';
  const id = await agent.create({ args: sh(`exec 2>&1; ${script}`), request: { stdin: 'open' } });
  await agent.ended(id);
  const lines = agent.log(id).map((line) => line.replace('stdout F ', ''));
  // 3 is the directory that ls reads.
  assert.deepEqual(lines.slice(0, 4), ['0', '1', '2', '3']);
  assert.match(lines.join('\n'), /SigBlk:\t0{16}\nSigIgn:\t0{16}/);
  assert.match(lines.join('\n'), /\n0022\n\/\n/);
});

for (const name of ['runc', 'crun']) {
  const { path, skip } = otherRuntime(name);
  test(`${name} can stand in for our runtime`, { skip }, async () => {
    await using agent = new Agent();
    await agent.start();
    const request = { runtime: { path } };
    const failing = agent.create({ args: ['/no/such'], request, config: olderVersion });
    await assert.rejects(failing, /no such file/i);
    const overlay = overlayOf(join(agent.state, 'layers'));
    const id = await agent.create({
      args: sh('echo hello; exec sleep 100'),
      request: { ...request, overlay },
      config: (config) => {
        olderVersion(config);
        config.root.path = emptyRoot(agent.state);
      },
    });
    using client = agent.monitor(id);
    const process = { args: sh('cat; exit 6'), cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 } };
    const { exec } = (await client.ask('exec', { process, stdin: true, stdout: true, stderr: true })) as {
      exec: string;
    };
    using attached = agent.monitor(id);
    await attached.attach('exec-attach', { exec, stdin: true, stdout: true, stderr: true }, () => {});
    await client.ask('exec-start', { exec });
    attached.socket.end('bye');
    assert.equal(((await client.ask('exec-wait', { exec })) as { status: number }).status, 6);
    await agent.ask(id, 'stop', { graceSeconds: 0 });
    assert.equal((await agent.ended(id)).signal, 9);
    assert.deepEqual(agent.log(id), ['stdout F hello']);
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(agent.state), false);
  });
}

function emptyRoot(directory: string): string {
  const path = join(directory, 'root');
  mkdirSync(path, { recursive: true });
  return path;
}
