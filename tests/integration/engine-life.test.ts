// The engine may die at any time: containers run on, and the next engine knows everything.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client, until } from './support/agent.ts';
import { EngineProcess, end } from './support/engine.ts';

const forever = ['sh', '-c', 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.02; done'];

/** The monitor of a container, which is the parent of its first process. */
function monitorOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Whoever is init here may be slow to reap. */
function isAlive(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) Z /.test(readFileSync(file, 'utf8'));
}

function agentOf(engine: EngineProcess): number {
  const monitors = new Set(
    readdirSync(join(engine.run, 'containers')).map(
      (id) =>
        (
          JSON.parse(readFileSync(join(engine.run, 'containers', id, 'state.json'), 'utf8')) as {
            monitor: { pid: number };
          }
        ).monitor.pid,
    ),
  );
  const [agent] = engine.agents().filter((pid) => pid !== engine.process.pid && !monitors.has(pid));
  assert.ok(agent);
  return agent;
}

async function logLines(engine: EngineProcess, id: string): Promise<number[]> {
  const { text } = await engine.call('GET', `/containers/${id}/logs?stdout=1`);
  return [...text.matchAll(/line (\d+)\n/g)].map(([, number]) => Number(number));
}

test('a container runs on when the engine is killed, and the next engine has it whole', async () => {
  await using engine = await EngineProcess.start();
  const id = await engine.runContainer(forever, { name: 'steady' });
  const before = await engine.inspect(id);
  await engine.restart();
  const after = await engine.inspect('steady');
  assert.equal(after.State.Pid, before.State.Pid);
  assert.equal(after.State.Status, 'running');
  const { Id: exec } = await engine.ask<{ Id: string }>('POST', `/containers/${id}/exec`, { Cmd: ['true'] });
  await engine.ask('POST', `/exec/${exec}/start`, { Detach: true });
  await until(async () => (await engine.ask<{ ExitCode: number }>('GET', `/exec/${exec}/json`)).ExitCode === 0);
  const lines = await logLines(engine, id);
  assert.deepEqual(
    lines,
    lines.map((_line, at) => at + 1),
  );
  await engine.ask('POST', `/containers/${id}/stop?t=0`);
  assert.equal((await engine.inspect(id)).State.ExitCode, 137);
});

test('what ended while no engine ran is known, gone where it was to go, and restarted by its monitor', async () => {
  await using engine = await EngineProcess.start();
  const wait = (status: number) => ['sh', '-c', `sleep 0.5; exit ${status}`];
  const kept = await engine.runContainer(wait(3), { name: 'kept' });
  const gone = await engine.runContainer(wait(0), { name: 'gone', host: { AutoRemove: true } });
  const again = await engine.runContainer(wait(1), { name: 'again', host: { RestartPolicy: { Name: 'always' } } });
  const first = (await engine.inspect(again)).State.Pid;
  await engine.kill();
  await until(
    () => !existsSync(join(engine.run, 'containers', gone)) && !existsSync(join(engine.run, 'containers', kept)),
  );
  await until(
    () =>
      (JSON.parse(readFileSync(join(engine.run, 'containers', again, 'state.json'), 'utf8')) as { restarts: number })
        .restarts > 0,
  );
  await engine.start();
  const { State } = await engine.inspect(kept);
  assert.deepEqual([State.Status, State.ExitCode], ['exited', 3]);
  await until(async () => (await engine.call('GET', `/containers/${gone}/json`)).status === 404);
  const restarted = await engine.inspect(again);
  assert.ok(restarted.RestartCount > 0);
  assert.notEqual(restarted.State.Pid, first);
  // Its name is free again.
  await engine.runContainer(['true'], { name: 'gone' });
});

test('a signal by hand is a stop for the restart policies that dockerd has it be one for', async () => {
  await using engine = await EngineProcess.start();
  const args = ['sh', '-c', 'trap "exit 3" INT HUP TERM; while :; do sleep 0.05; done'];
  const cases = [
    ['always', undefined, 'INT', false],
    ['always', undefined, 'KILL', false],
    ['on-failure', undefined, 'TERM', false],
    ['always', 'TERM', 'INT', true],
    ['always', 'TERM', 'TERM', false],
    ['on-failure', 'TERM', 'HUP', true],
    ['unless-stopped', 'TERM', 'HUP', false],
  ] as const;
  await Promise.all(
    cases.map(async ([Name, StopSignal, signal, again]) => {
      const what = `${Name}, stopped by ${StopSignal}, sent ${signal}`;
      const id = await engine.runContainer(args, {
        host: { RestartPolicy: { Name } },
        ...(StopSignal && { StopSignal }),
      });
      await until(async () => (await engine.call('GET', `/containers/${id}/top`)).text.includes('sleep'));
      await engine.ask('POST', `/containers/${id}/kill?signal=${signal}`);
      await until(async () => {
        const { State, RestartCount } = await engine.inspect(id);
        if (again) return RestartCount > 0;
        assert.equal(RestartCount, 0, what);
        return State.Status === 'exited';
      });
    }),
  );
});

test('a start that fails is no end: no event tells of one, and it can be started again', async () => {
  await using engine = await EngineProcess.start();
  const wanted = {
    Image: 'proa/base',
    Cmd: ['/data/program'],
    HostConfig: { NetworkMode: 'none', Binds: [`${engine.state}:/data`] },
  };
  const { Id } = await engine.ask<{ Id: string }>('POST', '/containers/create', wanted);
  for (let round = 0; round < 3; round++)
    assert.equal((await engine.call('POST', `/containers/${Id}/start`)).status, 400);
  const { State } = await engine.inspect(Id);
  assert.deepEqual([State.Status, State.ExitCode], ['created', 127]);
  writeFileSync(join(engine.state, 'program'), '#!/bin/sh\nexit 3\n', { mode: 0o755 });
  await engine.ask('POST', `/containers/${Id}/start`);
  assert.equal((await engine.ask<{ StatusCode: number }>('POST', `/containers/${Id}/wait`)).StatusCode, 3);
  const { text } = await engine.call('GET', `/events?since=0&until=${Math.ceil(Date.now() / 1000)}`);
  const events = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { Type: string; Action: string });
  assert.deepEqual(
    events.flatMap(({ Type, Action }) => (Type === 'container' ? [Action] : [])),
    ['create', 'start', 'die'],
  );
});

test('the agent may be killed: containers run on, and others are made', async () => {
  await using engine = await EngineProcess.start();
  const id = await engine.runContainer(forever);
  const { Pid } = (await engine.inspect(id)).State;
  const agent = agentOf(engine);
  process.kill(agent, 'SIGKILL');
  await until(() => !existsSync(`/proc/${agent}`));
  assert.equal((await engine.inspect(id)).State.Pid, Pid);
  const other = await engine.runContainer(['sleep', '100']);
  assert.equal((await engine.inspect(other)).State.Status, 'running');
});

test('a monitor that is killed is noticed: its container is ended, and started again where its policy says so', async () => {
  await using engine = await EngineProcess.start();
  const lost = await engine.runContainer(['sleep', '100']);
  const back = await engine.runContainer(['sleep', '100'], { host: { RestartPolicy: { Name: 'always' } } });
  const pids = [(await engine.inspect(lost)).State.Pid, (await engine.inspect(back)).State.Pid] as const;
  for (const pid of pids) process.kill(monitorOf(pid), 'SIGKILL');
  await until(async () => (await engine.inspect(lost)).State.Status === 'exited');
  assert.equal((await engine.inspect(lost)).State.ExitCode, 137);
  await until(async () => {
    const { State } = await engine.inspect(back);
    return State.Status === 'running' && State.Pid !== pids[1];
  });
  for (const pid of pids) assert.ok(!isAlive(pid));
  await engine.ask('POST', `/containers/${lost}/start`);
  assert.equal((await engine.inspect(lost)).State.Status, 'running');
});

test('after a boot what was to come back does, and the rest is known to have ended', async () => {
  await using engine = await EngineProcess.start();
  const policy = (Name: string) => ({ host: { RestartPolicy: { Name } } });
  const always = await engine.runContainer(['sleep', '100'], policy('always'));
  const unlessStopped = await engine.runContainer(['sleep', '100'], policy('unless-stopped'));
  const stopped = await engine.runContainer(['sleep', '100'], policy('unless-stopped'));
  const plain = await engine.runContainer(['sleep', '100']);
  const removed = await engine.runContainer(['sleep', '100'], { host: { AutoRemove: true } });
  await engine.ask('POST', `/containers/${stopped}/stop?t=0`);
  await engine.kill();
  loseEverything(engine);
  await engine.start();
  const status = async (id: string) => {
    const { Status, ExitCode } = (await engine.inspect(id)).State;
    return `${Status} ${ExitCode}`;
  };
  assert.equal(await status(always), 'running 0');
  assert.equal(await status(unlessStopped), 'running 0');
  assert.equal(await status(stopped), 'exited 137');
  assert.equal(await status(plain), 'exited 255');
  assert.equal((await engine.call('GET', `/containers/${removed}/json`)).status, 404);
});

test('a start that was cut short is done again where a restart policy says that the container is to run', async () => {
  await using engine = await EngineProcess.start();
  const wanted = (Name: string) => ({ host: { RestartPolicy: { Name } } });
  const before = await engine.runContainer(['sleep', '100'], wanted('unless-stopped'));
  const request = readFileSync(join(engine.run, 'containers', before, 'request.json'), 'utf8');
  await engine.ask('POST', `/containers/${before}/stop?t=0`);
  const create = async (Name: string) =>
    (
      await engine.ask<{ Id: string }>('POST', '/containers/create', {
        Image: 'proa/base',
        Cmd: ['sleep', '100'],
        HostConfig: { NetworkMode: 'none', RestartPolicy: { Name } },
      })
    ).Id;
  const first = await create('on-failure');
  const none = await create('no');
  await engine.kill();
  // An engine asks for the monitor, and then for the start.
  for (const id of [before, first, none]) {
    using agent = new Client(join(engine.run, 'agent'));
    await agent.ask('create', { container: JSON.parse(request.replaceAll(before, id)) });
  }
  await engine.start();
  const status = async (id: string) => (await engine.inspect(id)).State.Status;
  assert.deepEqual([await status(before), await status(first), await status(none)], ['running', 'running', 'created']);
});

/** As at a boot: no process is left, and nothing of what is not kept. */
function loseEverything(engine: EngineProcess): void {
  const roots = readdirSync(join(engine.run, 'containers')).map(
    (id) =>
      JSON.parse(readFileSync(join(engine.run, 'containers', id, 'state.json'), 'utf8')) as {
        cgroup: { directories: Record<string, string> };
      },
  );
  for (const pid of engine.agents()) end(pid, 'SIGKILL');
  for (const { cgroup } of roots)
    for (const directory of Object.values(cgroup.directories)) {
      for (const pid of readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean))
        spawnSync('kill', ['-9', pid]);
    }
  for (const { cgroup } of roots)
    for (const directory of Object.values(cgroup.directories))
      spawnSync('sh', ['-c', `for i in 1 2 3 4 5 6 7 8 9; do rmdir '${directory}' && break; sleep 0.1; done`]);
  rmSync(engine.run, { recursive: true });
  mkdirSync(engine.run);
}

test('a second engine is refused the roots, and the first goes on', async () => {
  await using engine = await EngineProcess.start();
  const second = spawnSync(
    process.execPath,
    ['dist/proad.mjs', 'serve', '--run', engine.run, '--state', engine.state],
    {
      encoding: 'utf8',
      timeout: 10_000,
    },
  );
  assert.equal(second.status, 3);
  assert.match(second.stderr, /in use by process \d+/);
  assert.equal((await engine.call('GET', '/_ping')).text, 'OK');
});

test('what was half made or half removed when the engine was killed is finished or undone', async () => {
  await using engine = await EngineProcess.start();
  const id = await engine.runContainer(['true'], { name: 'half', Volumes: { '/data': {} } });
  await until(async () => (await engine.inspect(id)).State.Status === 'exited');
  const [mount] = (await engine.inspect(id)).Mounts;
  await engine.kill();
  const directory = join(engine.state, 'engine/containers');
  const file = join(directory, id, 'container.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), removing: true }));
  mkdirSync(join(directory, 'f'.repeat(64)));
  mkdirSync(join(engine.state, 'snapshots', 'f'.repeat(64), 'upper'), { recursive: true });
  mkdirSync(join(engine.run, 'engine/bundles', 'f'.repeat(64)), { recursive: true });
  mkdirSync(join(engine.state, 'volumes/unfinished/_data'), { recursive: true });
  await engine.start();
  assert.equal((await engine.call('GET', '/containers/half/json')).status, 404);
  for (const left of [
    join(directory, id),
    join(directory, 'f'.repeat(64)),
    join(engine.state, 'snapshots', id),
    join(engine.state, 'snapshots', 'f'.repeat(64)),
    join(engine.run, 'engine/bundles', 'f'.repeat(64)),
    join(engine.state, 'volumes/unfinished'),
    join(engine.state, 'volumes', mount?.Name ?? 'none'),
  ])
    assert.equal(existsSync(left), false, left);
});

test('operations on different containers do not wait for each other, nor does reading for any of them', async () => {
  await using engine = await EngineProcess.start();
  const stubborn = await engine.runContainer(['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done']);
  const other = await engine.runContainer(['sleep', '100']);
  const stopping = engine.ask('POST', `/containers/${stubborn}/stop?t=3`);
  const begin = Date.now();
  await engine.ask('POST', `/containers/${other}/stop?t=0`);
  assert.equal((await engine.inspect(stubborn)).State.Status, 'running');
  await engine.ask('GET', '/containers/json?all=1');
  assert.ok(Date.now() - begin < 3000);
  await stopping;
  assert.equal((await engine.inspect(stubborn)).State.ExitCode, 137);
});

test('killed at random moments under load, the engine loses, doubles and leaves nothing', {
  timeout: 600_000,
}, async () => {
  await using engine = await EngineProcess.start();
  const kills = Number(process.env['PROA_ENGINE_KILLS'] ?? 8);
  const steady = await engine.runContainer(forever, { name: 'steady' });
  const { Pid } = (await engine.inspect(steady)).State;
  for (let kill = 0; kill < kills; kill++) {
    let stopped = false;
    const worker = async (number: number) => {
      for (let count = 0; !stopped; count++) {
        const name = `load-${kill}-${number}-${count}`;
        const id = await engine.runContainer(['true'], {
          name,
          host: { AutoRemove: count % 2 === 0 },
          Volumes: { '/v': {} },
        });
        await engine.call('POST', `/containers/${id}/wait`);
        if (count % 2 === 1) await engine.call('DELETE', `/containers/${id}?v=1`);
      }
    };
    const load = [worker(1), worker(2), worker(3)].map((work) => work.catch(() => {}));
    await new Promise((done) => setTimeout(done, 30 + Math.random() * 500));
    await engine.kill();
    stopped = true;
    await Promise.all(load);
    await engine.start();
    const all = await engine.ask<{ Id: string; State: string }[]>('GET', '/containers/json?all=1');
    for (const { Id } of all)
      if (Id !== steady) {
        // One that goes with its end may be gone by now.
        const { status } = await engine.call('DELETE', `/containers/${Id}?force=1&v=1`);
        assert.ok(status === 204 || status === 404, `${status}`);
      }
    assert.equal((await engine.inspect(steady)).State.Pid, Pid);
  }
  await until(() => readdirSync(join(engine.run, 'containers')).length === 1);
  assert.deepEqual(
    await engine
      .ask('GET', '/containers/json?all=1')
      .then((all) => (all as { Names: string[] }[]).map(({ Names }) => Names)),
    [['/steady']],
  );
  for (const place of ['engine/containers', 'snapshots'])
    assert.deepEqual(readdirSync(join(engine.state, place)), [steady], place);
  assert.deepEqual((await engine.ask<{ Volumes: unknown[] }>('GET', '/volumes')).Volumes, []);
  assert.deepEqual(readdirSync(join(engine.run, 'engine/bundles')), [steady]);
  const lines = await logLines(engine, steady);
  assert.deepEqual(
    lines,
    lines.map((_line, at) => at + 1),
  );
  assert.equal(execFileSync('mount', { encoding: 'utf8' }).includes(engine.state), false);
});
