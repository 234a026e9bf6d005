import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Agent, Client, olderVersion, otherRuntime, overlayOf, until } from './support/agent.ts';

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
