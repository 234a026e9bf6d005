// Containers that are made when they are started, over the connection that asked for them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExitRecord } from '#common/protocol/container.ts';
import { Agent, Client, until } from './support/agent.ts';

const late = { start: false, late: true };
const all = { stdin: true, stdout: true, stderr: true };

test('nothing of it is there before its start, and who attaches before that misses nothing', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({
    args: ['sh', '-c', 'read line; echo "got $line"; exit 4'],
    request: { ...late, stdin: 'once' },
  });
  const { phase, pid } = await agent.ask(id, 'state');
  assert.deepEqual({ phase, pid }, { phase: 'created', pid: undefined });
  assert.equal(existsSync(join(agent.run, 'runtime', id)), false);
  using attached = agent.monitor(id);
  let output = '';
  await attached.attach('attach', all, (bytes) => {
    output += bytes;
  });
  attached.socket.write('early\n');
  using client = agent.monitor(id);
  await client.ask('watch');
  const ended = client.ask('wait') as Promise<{ status: number }>;
  const answer = (await client.ask('start')) as { pid: number };
  assert.ok(answer.pid > 1);
  assert.equal((await ended).status, 4);
  await until(() => output.includes('got early\n'));
  await assert.rejects(client.ask('start'), /exited|closed/);
  await client.closed;
  assert.deepEqual(
    client.notices.flatMap(({ notice }) => notice ?? []),
    ['start', 'exit', 'cleaned'],
  );
});

for (const hooks of [undefined, { createRuntime: [{ path: '/bin/true' }] }])
  test(`each start is of the bundle as it is then${hooks ? ', also with hooks' : ''}`, async () => {
    await using agent = new Agent();
    await agent.start();
    const restart = { policy: 'on-failure', maximumRetries: 1 } as const;
    const id = await agent.create({
      args: ['sh', '-c', 'sleep 0.3; exit 4'],
      config: (config) => void Object.assign(config, hooks && { hooks }),
      request: { ...late, restart },
    });
    const file = join(agent.bundleOf(id), 'config.json');
    const exitWith = (status: number) =>
      writeFileSync(file, readFileSync(file, 'utf8').replace(/exit \d/, `exit ${status}`));
    exitWith(5);
    using client = agent.monitor(id);
    await client.ask('watch');
    const ended = client.ask('wait') as Promise<{ status: number }>;
    await client.ask('start');
    exitWith(6);
    assert.equal((await ended).status, 5);
    const over = () =>
      client.notices.flatMap(({ notice, exit }) => (notice === 'exit' ? [(exit as ExitRecord).status] : []));
    await until(() => over().length === 2);
    assert.deepEqual(over(), [5, 6]);
  });

test('a start waits for those who will attach, and for none that does not come', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: ['sh', '-c', 'echo first; sleep 100'], request: late });
  using client = agent.monitor(id);
  const started = client.ask('start', { attached: 1 });
  // Other questions are answered meanwhile.
  for (let count = 0; count < 5; count++) {
    assert.equal((await agent.ask(id, 'state'))['phase'], 'created');
    await sleep(20);
  }
  using attached = agent.monitor(id);
  let output = '';
  await attached.attach('attach', all, (bytes) => {
    output += bytes;
  });
  await started;
  await until(() => output.includes('first\n'));
  const process = { args: ['sh', '-c', 'echo second'], cwd: '/', env: ['PATH=/bin'] };
  const named = { exec: 'of-mine', process, ...all };
  assert.deepEqual(await client.ask('exec', named), { exec: 'of-mine' });
  await assert.rejects(client.ask('exec', named), /exec "of-mine" is there already/);
  const before = Date.now();
  await client.ask('exec-start', { exec: 'of-mine', attached: 1 });
  assert.ok(Date.now() - before > 4000);
  assert.equal(((await client.ask('exec-wait', { exec: 'of-mine' })) as ExitRecord).status, 0);
});

test('what is asked by two connections at once is done in order', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: ['sleep', '100'] });
  using client = agent.monitor(id);
  await client.ask('state');
  for (let count = 0; count < 20; count++) {
    const exec = `exec-${count}`;
    const process = { args: ['sh', '-c', `echo ${exec}`], cwd: '/', env: ['PATH=/bin'] };
    const asked = [client.ask('exec', { exec, process, ...all }), client.ask('exec-start', { exec, attached: 1 })];
    using attached = agent.monitor(id);
    let output = '';
    asked.push(
      attached.attach('exec-attach', { exec, ...all }, (bytes) => {
        output += bytes;
      }),
    );
    await Promise.all(asked);
    await attached.closed;
    assert.match(output, new RegExp(`${exec}\\n$`));
  }
});

test('a start that fails is answered with its reason, and its id is free', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: ['/no/such/program'], request: late });
  await assert.rejects(agent.ask(id, 'start'), /no such file or directory/);
  await until(() => readdirSync(join(agent.run, 'containers')).length === 0);
  assert.equal(agent.kept(id), undefined);
  await agent.create({ args: ['true'], request: { ...late, id } });
  await agent.ask(id, 'start');
  assert.equal((await agent.ended(id)).status, 0);
});

test('until the monitor of a failed start is gone, it cannot be started, and who waits and removes is answered', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: ['/no/such/program'], request: late });
  using client = agent.monitor(id);
  await client.ask('watch');
  const asked = [
    client.ask('wait'),
    client.ask('start'),
    client.ask('start'),
    client.ask('stop', {}),
    client.ask('remove'),
  ];
  const [wait, start, again, stop, remove] = await Promise.allSettled(asked);
  const told = { status: 127, message: 'find program "/no/such/program"' };
  for (const answer of [wait, stop]) {
    const { status, failure } = (answer as PromiseFulfilledResult<ExitRecord>).value;
    assert.deepEqual({ status, message: failure?.message.slice(0, 31) }, told);
  }
  assert.deepEqual(
    [start, again, remove].map((answer) => answer?.status),
    ['rejected', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(
    client.notices.flatMap(({ notice }) => notice ?? []),
    [],
  );
  await until(() => !existsSync(join(agent.run, 'containers', id)));
  assert.equal(agent.kept(id), undefined);
});

test('a stop that comes while it is being made ends it', async () => {
  await using agent = new Agent();
  await agent.start();
  for (const [ask, fields] of [
    ['stop', { graceSeconds: 0 }],
    ['remove', {}],
  ] as const) {
    const id = await agent.create({ args: ['sleep', '100'], request: late });
    using client = agent.monitor(id);
    await Promise.all([client.ask('start'), client.ask(ask, fields)]);
    assert.equal((await agent.ended(id)).signal, 9);
  }
});

test('answers come though it ended at once, more was asked than is read, and nobody has looked for a while', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ args: ['/bin/true'], request: late });
  using client = agent.monitor(id);
  await client.ask('watch');
  const started = client.ask('start');
  for (let more = 0; more < 2000; more++) client.ask('state').catch(() => {});
  await new Promise((written) => client.socket.write('', written));
  execFileSync('sleep', ['0.5']);
  assert.equal(typeof ((await started) as { pid: number }).pid, 'number');
  await until(() => client.notices.some(({ notice }) => notice === 'exit'));
});

/** Asks a container that is started at once for something while a hook of its making runs. */
async function whileItIsMade(ask: (agent: Agent, id: string) => Promise<unknown>): Promise<void> {
  await using agent = new Agent();
  await agent.start();
  const begun = join(agent.state, 'begun');
  const created = agent.create({
    args: ['/bin/sh', '-c', 'trap "" HUP; sleep 100'],
    config: (config) => {
      config.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `touch ${begun}; sleep 0.5`] }] };
    },
  });
  await until(() => existsSync(begun));
  const [id] = readdirSync(join(agent.run, 'containers')) as [string];
  const asked = ask(agent, id);
  assert.equal(await created, id);
  await asked;
}

test('a stop that comes while it is being made and started at once ends it', async () => {
  await whileItIsMade(async (agent, id) => {
    assert.equal((await agent.ask(id, 'stop', { graceSeconds: 0 }))['signal'], 9);
    assert.equal((await agent.ended(id)).signal, 9);
  });
});

test('a signal that comes too early is refused, and ends nothing', async () => {
  await whileItIsMade(async (agent, id) => {
    const signal = { signal: 1, stops: 'every-policy' } as const;
    await assert.rejects(agent.ask(id, 'kill', signal), /not running: it is created/);
    const phase = async () => (await agent.ask(id, 'state'))['phase'];
    await until(async () => (await phase()) === 'running');
    await sleep(200);
    await agent.ask(id, 'kill', signal);
    await sleep(200);
    assert.equal(await phase(), 'running');
  });
});

test('a hook holds nobody up', async () => {
  await using agent = new Agent();
  await agent.start();
  const go = join(agent.state, 'go');
  const script = `until [ -e ${go} ]; do sleep 0.02; done`;
  const id = await agent.create({
    args: ['sleep', '100'],
    request: late,
    config: (config) => {
      config.hooks = { poststart: [{ path: '/bin/sh', args: ['sh', '-c', script] }] };
    },
  });
  using client = agent.monitor(id);
  const started = client.ask('start');
  assert.equal((await agent.ask(id, 'state'))['id'], id);
  writeFileSync(go, '');
  await started;
});

test('one that is removed or stopped before its start has ended by a kill', async () => {
  await using agent = new Agent();
  await agent.start();
  const [removed, stopped] = [await agent.create({ request: late }), await agent.create({ request: late })];
  await assert.rejects(agent.ask(removed, 'kill', { signal: 15 }), /not running/);
  await agent.ask(removed, 'remove');
  assert.equal((await agent.ask(stopped, 'stop', {}))['status'], 137);
  for (const id of [removed, stopped]) assert.deepEqual((await agent.ended(id)).signal, 9);
});

test('one whose monitor is killed before its start leaves nothing running', async () => {
  await using agent = new Agent();
  await agent.start();
  const id = await agent.create({ request: late });
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  process.kill(monitor.pid, 'SIGKILL');
  await until(() => !existsSync(join(agent.run, 'containers', id)));
  assert.match(agent.kept(id)?.exit?.failure?.message ?? '', /monitor/);
});

test('the connection that asked goes on to the monitor, also with what was asked at once', async () => {
  await using agent = new Agent();
  await agent.start();
  using client = new Client(join(agent.run, 'agent'));
  const id = await agent.createThrough(client, {
    args: ['sh', '-c', 'exit 3'],
    request: late,
    question: { keep: true },
  });
  const [, state, started, exit] = (await Promise.all([
    client.ask('watch'),
    client.ask('state'),
    client.ask('start'),
    client.ask('wait'),
  ])) as [unknown, { id: string }, { pid: number }, { status: number }];
  assert.equal(state.id, id);
  assert.ok(started.pid > 1);
  assert.equal(exit.status, 3);
  assert.deepEqual(client.notices.flatMap(({ notice }) => notice ?? []).slice(0, 2), ['start', 'exit']);
});

test('the child that waits for the next connection goes with its agent, and is replaced when it is lost', async () => {
  await using agent = new Agent();
  await agent.start();
  const children = () =>
    readFileSync(`/proc/${agent.process.pid}/task/${agent.process.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean);
  await until(() => children().length === 1);
  const [first = ''] = children();
  process.kill(Number(first), 'SIGKILL');
  await until(() => children().length === 1 && children()[0] !== first);
  const id = await agent.create({ args: ['sleep', '100'] });
  await until(() => children().length === 2);
  const { monitor } = (await agent.ask(id, 'state')) as { monitor: { pid: number } };
  const waiting = children().find((pid) => Number(pid) !== monitor.pid) as string;
  await agent.kill();
  await until(() => !existsSync(`/proc/${waiting}`));
  assert.equal((await agent.ask(id, 'state'))['phase'], 'running');
});
