// What happens to a monitor's clients, checks, hooks and sessions at the edges of a container's life.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerRequest, PROTOCOL_VERSION } from '#common/protocol/container.ts';
import { FrameReader, frameOf } from '#common/protocol/frames.ts';
import { Agent, type Client, type Message, olderVersion, otherRuntime, overlayOf, until } from './support/agent.ts';

const sh = (script: string) => ['sh', '-c', script];
const all = { stdin: false, stdout: true, stderr: true };

async function newExec(client: Client, script: string): Promise<string> {
  const process = { args: sh(script), cwd: '/', env: ['PATH=/bin'] };
  const { exec } = (await client.ask('exec', { process, ...all })) as { exec: string };
  return exec;
}

const health = { args: ['true'], interval: 50, timeout: 2000, retries: 1, startPeriod: 0, startInterval: 50 };

test('who reads slowly gets all output, also after the container has ended for good', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('head -c 3000000 /dev/zero'), request: { start: false } });
  using attached = agent.monitor(id);
  let bytes = 0;
  await attached.attach('attach', all, (piece) => {
    bytes += piece.length;
  });
  attached.socket.pause();
  await agent.ask(id, 'start');
  await new Promise((later) => setTimeout(later, 1500));
  attached.socket.resume();
  await attached.closed;
  assert.ok(bytes > 3000000, `${bytes} bytes came`);
});

test('input may follow an attach question at once', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('read line; echo "got $line"'), request: { stdin: 'once' } });
  using client = agent.monitor(id);
  const frames = [frameOf(Buffer.from(JSON.stringify({ number: 1, ask: 'attach', ...all, stdin: true })))];
  client.socket.removeAllListeners('data');
  let output = Buffer.alloc(0);
  client.socket.on('data', (bytes) => {
    output = Buffer.concat([output, bytes]);
  });
  client.socket.write(Buffer.concat([...frames, Buffer.from('word\n')]));
  await client.closed;
  const reader = new FrameReader();
  reader.push(output);
  const answers = [reader.next(), reader.next()].map((body) => JSON.parse(Buffer.from(body ?? []).toString()));
  assert.deepEqual(answers, [{ hello: PROTOCOL_VERSION }, { number: 1, answer: {} }]);
  assert.match(output.toString('latin1'), /got word\n$/);
});

test('attaching to an exec session that has ended ends at once', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create();
  using client = agent.monitor(id);
  const exec = await newExec(client, 'true');
  await client.ask('exec-start', { exec });
  await client.ask('exec-wait', { exec });
  using attached = agent.monitor(id);
  await attached.attach('exec-attach', { exec, ...all }, () => {});
  await attached.closed;
});

test('a terminal that every program has closed can be opened again', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: sh(
      'exec < /dev/null > /dev/null 2>&1; sleep 0.4; echo again > /dev/console; sleep 0.4; echo last > /dev/console',
    ),
    config: (config) => {
      config.process.terminal = true;
    },
  });
  await agent.ended(id);
  assert.deepEqual(
    agent.log(id).map((line) => line.replace('\r', '')),
    ['stdout F again', 'stdout F last'],
  );
});

test('clean-up hooks that take long hold nobody up', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: sh('read line; exit 5'),
    request: { stdin: 'once', cleanUp: [{ path: '/bin/sleep', args: ['sleep', '2'] }] },
  });
  using client = agent.monitor(id);
  const wait = client.ask('wait') as Promise<{ status: number }>;
  using attached = agent.monitor(id);
  await attached.attach('attach', { ...all, stdin: true }, () => {});
  const start = Date.now();
  attached.socket.write('line\n');
  assert.equal((await wait).status, 5);
  assert.equal(((await client.ask('state')) as { phase: string }).phase, 'exited');
  assert.ok(Date.now() - start < 1500);
});

/** Clean-up hooks that leave lines in a file; the first of them ends when it is let go. */
function heldCleanUp(file: string): NonNullable<ContainerRequest['cleanUp']> {
  const hook = (script: string) => ({ path: '/bin/sh', args: ['sh', '-c', script] });
  const wait = `until [ -e ${file}.go ]; do sleep 0.02; done`;
  return [hook(`echo begun >> ${file}; ${wait}; echo first >> ${file}`), hook(`echo second >> ${file}`)];
}

const letGo = (file: string) => writeFileSync(`${file}.go`, '');

const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);

test('who waits until a container is cleaned up hears of it after its hooks, and its id is free', async () => {
  await using agent = new Agent();
  await agent.start();
  const file = join(agent.state, 'cleaned');
  const request = { cleanUp: heldCleanUp(file), start: false };
  const id = await agent.create({ args: sh('exit 5'), request });
  using client = agent.monitor(id);
  await client.ask('watch');
  const cleaned = client.ask('wait', { condition: 'cleaned' }) as Promise<{ status: number }>;
  const ended = client.ask('wait') as Promise<{ status: number }>;
  await client.ask('start');
  assert.equal((await ended).status, 5);
  await until(() => linesOf(file).length > 0);
  assert.equal(((await client.ask('state')) as { cleaned: boolean }).cleaned, false);
  const late = client.ask('wait', { condition: 'cleaned' }) as Promise<{ status: number }>;
  assert.deepEqual(linesOf(file), ['begun']);
  assert.equal(existsSync(join(agent.run, 'containers', id)), true);
  letGo(file);
  assert.equal((await cleaned).status, 5);
  assert.deepEqual(linesOf(file), ['begun', 'first', 'second']);
  assert.equal((await late).status, 5);
  assert.equal(existsSync(join(agent.run, 'containers', id)), false);
  assert.deepEqual(
    client.notices.flatMap(({ notice }) => notice ?? []),
    ['start', 'exit', 'cleaned'],
  );
});

test('a create waits for the clean-up of the container that had its id', async () => {
  await using agent = new Agent();
  await agent.start();
  const file = join(agent.state, 'cleaned');
  const id = await agent.create({ args: sh('exit 5'), request: { cleanUp: heldCleanUp(file) } });
  await until(() => linesOf(file).length > 0);
  let created = false;
  const again = agent.create({ request: { id } }).then(() => {
    created = true;
  });
  await sleep(300);
  assert.equal(created, false);
  letGo(file);
  await again;
  assert.deepEqual(linesOf(file), ['begun', 'first', 'second']);
  assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
});

test('removing a container is answered when it is cleaned up', async () => {
  await using agent = new Agent();
  await agent.start();
  const file = join(agent.state, 'cleaned');
  const id = await agent.create({ request: { cleanUp: heldCleanUp(file), removeOnExit: true } });
  const removed = agent.ask(id, 'remove');
  await until(() => linesOf(file).length > 0);
  letGo(file);
  await removed;
  assert.deepEqual(linesOf(file), ['begun', 'first', 'second']);
  assert.equal(existsSync(join(agent.run, 'containers', id)), false);
});

test('between two starts it is cleaned up, and who waits for the last clean-up goes on waiting', async () => {
  await using agent = new Agent();
  await agent.start();
  const file = join(agent.state, 'cleaned');
  letGo(file);
  const restart = { policy: 'on-failure', maximumRetries: 1 } as const;
  const id = await agent.create({
    args: sh('exit 5'),
    request: { restart, cleanUp: heldCleanUp(file), start: false },
  });
  using client = agent.monitor(id);
  await client.ask('watch');
  const cleaned = client.ask('wait', { condition: 'cleaned' });
  await client.ask('start');
  await cleaned;
  const told = client.notices.flatMap(({ notice }) => notice ?? []);
  assert.deepEqual(told, ['start', 'exit', 'cleaned', 'restart', 'start', 'exit', 'cleaned']);
  assert.equal(linesOf(file).length, 6);
});

test('clean-up that was cut short with its monitor is done again by an agent', async () => {
  await using agent = new Agent();
  await agent.start();
  const file = join(agent.state, 'cleaned');
  const id = await agent.create({ args: sh('exit 5'), request: { cleanUp: heldCleanUp(file) } });
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  await until(() => linesOf(file).length === 1);
  process.kill(monitor.pid, 'SIGKILL');
  // The first is ended with its monitor, or it would say so when it is let go.
  await until(() => linesOf(file).length === 2);
  letGo(file);
  await until(() => !existsSync(join(agent.run, 'containers', id)));
  assert.equal(agent.kept(id)?.exit?.status, 5);
  assert.deepEqual(linesOf(file), ['begun', 'begun', 'first', 'second']);
});

test('how a container ended is recorded before it is unmade', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: sh('exit 6'),
    config: (config) => {
      config.hooks = { poststop: [{ path: '/bin/sleep', args: ['sleep', '1'] }] };
    },
  });
  await until(
    async () => ((await agent.ask(id, 'state'))['exit'] as { status: number } | undefined)?.status === 6,
    0.9,
  );
  assert.equal((await agent.ended(id)).status, 6);
});

test('stopping a container that waits for its next start tells no end twice', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('sleep 0.2; exit 1'), request: { restart: { policy: 'always' } } });
  using client = agent.monitor(id);
  await client.ask('watch');
  const told = (what: string) => client.notices.filter(({ notice }) => notice === what).length;
  await until(async () => (await agent.ask(id, 'state'))['phase'] === 'restarting');
  const before = told('exit');
  assert.equal(((await agent.ask(id, 'stop', {})) as { status: number }).status, 1);
  assert.equal((await agent.ended(id)).status, 1);
  assert.equal(told('exit'), before);
  assert.equal(agent.kept(id)?.phase, 'exited');
});

test('an end while the next start is being made and stopped is settled once', async () => {
  await using agent = new Agent();
  await agent.start();
  // The program has ended before its start, with the hook, is through.
  const id = await agent.create({
    args: sh('exit 4'),
    config: (config) => {
      config.hooks = { poststart: [{ path: '/bin/sleep', args: ['sleep', '0.5'] }] };
    },
    request: { restart: { policy: 'always' } },
  });
  using client = agent.monitor(id);
  await client.ask('watch');
  const told = () => client.notices.flatMap(({ notice }) => notice ?? []);
  await until(() => told().includes('restart'));
  const before = told().length;
  assert.equal(((await client.ask('stop', {})) as { status: number }).status, 4);
  assert.equal((await agent.ended(id)).status, 4);
  await client.closed;
  assert.deepEqual(told().slice(before), ['start', 'exit', 'cleaned']);
});

test('a program that ends before its start is through is started again', async () => {
  await using agent = new Agent();
  await agent.start();
  const sleep = (seconds: string) => [{ path: '/bin/sleep', args: ['sleep', seconds] }];
  const id = await agent.create({
    args: sh('exit 4'),
    config: (config) => {
      config.hooks = { poststart: sleep('0.3'), poststop: sleep('0.6') };
    },
    request: { start: false, restart: { policy: 'on-failure', maximumRetries: 1 } },
  });
  await agent.ask(id, 'start');
  assert.equal((await agent.ended(id)).status, 4);
  const { restarts, startedAt } = agent.kept(id) ?? {};
  assert.deepEqual([restarts, typeof startedAt], [1, 'string']);
});

test('a container has one set of checks, however its starts and ends overtake each other', async () => {
  await using agent = new Agent();
  await agent.start();
  const shared = join(agent.state, 'shared');
  mkdirSync(shared);
  // The first start is through when the program has ended and has been started again.
  const hook = `[ -e ${shared}/begun ] || { touch ${shared}/begun; sleep 0.6; }`;
  const check = sh(
    'mkdir /tmp/lock || echo twice >> /tmp/overlaps; echo check >> /tmp/checks; sleep 0.2; rmdir /tmp/lock',
  );
  const id = await agent.create({
    args: sh('[ -e /tmp/again ] && exec sleep 100; touch /tmp/again; exit 1'),
    config: (config) => {
      config.mounts?.push({ destination: '/tmp', source: shared, options: ['bind'] });
      config.hooks = { poststart: [{ path: '/bin/sh', args: ['sh', '-c', hook] }] };
    },
    request: { start: false, restart: { policy: 'always' }, health: { ...health, args: check } },
  });
  await agent.ask(id, 'start');
  for (let count = 0; count < 2; count++) {
    await until(() => linesOf(join(shared, 'checks')).length > 4 * (count + 1));
    await agent.ask(id, 'pause');
    await agent.ask(id, 'resume');
    rmSync(join(shared, 'lock'), { recursive: true, force: true });
  }
  assert.deepEqual(linesOf(join(shared, 'overlaps')), []);
});

test('limits that were changed hold after the next start too', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: sh('sleep 0.5; exit 1'), request: { restart: { policy: 'always' } } });
  await agent.ask(id, 'update', { resources: { pids: { limit: 50 } } });
  await agent.ask(id, 'update', { resources: { memory: { limit: 50_000_000 } } });
  await until(async () => {
    const state = (await agent.ask(id, 'state')) as { restarts: number; phase: string };
    return state.restarts > 0 && state.phase === 'running';
  });
  const { cgroups } = (await agent.ask(id, 'stats', {})) as { cgroups: { pids: { limit: number } } & Message };
  assert.equal(cgroups.pids.limit, 50);
  await agent.ask(id, 'stop', { graceSeconds: 0 });
});

const crun = otherRuntime('crun');

test('several execs at once with another runtime do not meet', { skip: crun.skip }, async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ config: olderVersion, request: { runtime: { path: crun.path }, health } });
  const outputs = await Promise.all(
    Array.from({ length: 6 }, async (_none, number) => {
      using client = agent.monitor(id);
      const exec = await newExec(client, `echo ${number}; exit ${number}`);
      using attached = agent.monitor(id);
      let output = '';
      await attached.attach('exec-attach', { exec, ...all }, (bytes) => {
        output += bytes.toString('latin1');
      });
      await client.ask('exec-start', { exec });
      const { status } = (await client.ask('exec-wait', { exec })) as { status: number };
      await attached.closed;
      return [status, output.slice(8)];
    }),
  );
  assert.deepEqual(
    outputs,
    Array.from({ length: 6 }, (_none, number) => [number, `${number}\n`]),
  );
});

test('a check whose start hangs is ended in time, and counts as failed', { skip: crun.skip }, async () => {
  await using agent = new Agent();
  await agent.start();
  const path = join(agent.state, 'slow-runtime');
  writeFileSync(path, `#!/bin/sh\ncase "$*" in *" exec "*) exec sleep 60;; *) exec ${crun.path} "$@";; esac\n`);
  chmodSync(path, 0o755);
  const id = await agent.create({
    config: olderVersion,
    request: { runtime: { path }, health: { ...health, timeout: 300 } },
  });
  await until(async () => ((await agent.ask(id, 'state'))['health'] as { status: string }).status === 'unhealthy', 5);
  await agent.ask(id, 'stop', { graceSeconds: 0 });
  assert.equal((await agent.ended(id)).signal, 9);
});

for (const name of ['crun', 'runc']) {
  const { path, skip } = otherRuntime(name);
  test(`${name} finds the layers as its root, at each start, and the host’s mount table does not show them`, {
    skip,
  }, async () => {
    await using agent = new Agent();
    await agent.start();
    const overlay = overlayOf(join(agent.state, 'layers'));
    const id = await agent.create({
      args: sh('ls / > /listed; cat /count 2>/dev/null; echo x >> /count; read _ < /dev/zero & sleep 1; exit 3'),
      config: (config) => {
        // As an engine has it, which knows no path for them.
        config.root = { path: '/', readonly: false };
      },
      request: { overlay, runtime: { path }, restart: { policy: 'on-failure', maximumRetries: 1 } },
    });
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(id));
    assert.equal((await agent.ended(id)).status, 3);
    assert.deepEqual(agent.log(id), ['stdout F x']);
    const listed = readFileSync(join(overlay.upper, 'listed'), 'utf8').split('\n');
    assert.ok(listed.includes('bin') && !listed.includes('root'), listed.join());
    assert.equal(existsSync('/listed'), false);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(agent.run));
  });
}

for (const name of ['', 'crun']) {
  const other = name === '' ? undefined : otherRuntime(name);
  test(`with init, ${name || 'our runtime'} starts proa-init, which starts the program`, {
    skip: other?.skip ?? false,
  }, async () => {
    await using agent = new Agent();
    await agent.start();
    const overlay = overlayOf(join(agent.state, 'layers'));
    const root = join(agent.state, 'root');
    mkdirSync(root);
    const id = await agent.create({
      args: sh('cat /proc/1/comm; (sleep 0.1 &); sleep 0.3; grep -l "State:.Z" /proc/[0-9]*/status | wc -l; exit 9'),
      config: (config) => {
        olderVersion(config);
        config.root = { path: root, readonly: false };
        config.linux.resources = { memory: { limit: 6 << 20 } };
      },
      request: { init: true, overlay, ...(other && { runtime: { path: other.path } }) },
    });
    assert.equal((await agent.ended(id)).status, 9);
    assert.deepEqual(agent.log(id), ['stdout F docker-init', 'stdout F 0']);
  });
}
