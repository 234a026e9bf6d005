// Containers that share namespaces of others.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { otherRuntime, until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

let engine: EngineProcess;
before(async () => {
  engine = await EngineProcess.start();
});
after(() => engine?.[Symbol.asyncDispose]());

async function outputOf(host: object, script: string): Promise<string> {
  const id = await engine.runContainer(['sh', '-c', script], { host });
  await engine.ask('POST', `/containers/${id}/wait`);
  const { bytes } = await engine.call<unknown>('GET', `/containers/${id}/logs?stdout=1&stderr=1`);
  return bytes.toString('latin1').replace(/[\x01\x02]\0{3}[\s\S]{4}/g, '');
}

const create = (host: object) =>
  engine.call<{ Id: string }>('POST', '/containers/create', {
    Image: 'proa/base',
    Cmd: ['sleep', '100'],
    HostConfig: { NetworkMode: 'none', ...host },
  });

/** One that has written to its /dev/shm. */
async function runWriter(name: string, host: object): Promise<string> {
  const script = 'echo word >/dev/shm/file; while :; do sleep 0.05; done';
  const id = await engine.runContainer(['sh', '-c', script], { name, host: { IpcMode: 'shareable', ...host } });
  await until(async () => (await engine.call('GET', `/containers/${id}/top`)).text.includes('sleep 0'));
  return id;
}

test('who joins an IPC namespace that is shareable has its /dev/shm as well, and so does who joins that one', async () => {
  const donor = await runWriter('shared', { ShmSize: 1 << 20 });
  const show = 'cat /dev/shm/file; readlink /proc/self/ns/ipc; grep -c " /dev/mqueue " /proc/mounts; df -k /dev/shm';
  const own = await outputOf({ IpcMode: 'private' }, show);
  assert.match(own, /No such file/);
  const seen = await outputOf({ IpcMode: 'container:shared' }, show);
  assert.match(seen, /^word\nipc:\[\d+\]\n1\n[\s\S]* 1024 /);
  const middle = await engine.runContainer(['sleep', '100'], { name: 'middle', host: { IpcMode: 'container:shared' } });
  assert.equal(await outputOf({ IpcMode: 'container:middle' }, show), seen);
  assert.equal((await engine.inspect(middle)).HostConfig['IpcMode'], `container:${donor}`);
  assert.match(await outputOf({ IpcMode: 'container:shared' }, 'touch /dev/shm/new && ls /dev/shm'), /file\nnew\n/);
});

test('another runtime finds it, too', { skip: otherRuntime('runc').skip }, async () => {
  await runWriter('donor', {});
  const host = { IpcMode: 'container:donor', Runtime: 'runc' };
  assert.equal(await outputOf(host, 'cat /dev/shm/file'), 'word\n');
});

test('an IPC namespace is joined of those alone that share it, and while they run', async () => {
  await engine.runContainer(['sleep', '100'], { name: 'alone' });
  await engine.runContainer(['sleep', '100'], { name: 'without', host: { IpcMode: 'none' } });
  for (const name of ['alone', 'without']) {
    const { status, text } = await create({ IpcMode: `container:${name}` });
    assert.equal(status, 400);
    assert.match(text, new RegExp(`HostConfig.IpcMode: container ${name}: non-shareable IPC`));
  }
  assert.match((await create({ IpcMode: 'container:' })).text, /HostConfig.IpcMode: expected container:NAME/);
  assert.match((await create({ IpcMode: 'other' })).text, /HostConfig.IpcMode: expected private.*, got \\"other\\"/);
  const donor = await engine.runContainer(['sleep', '100'], { host: { IpcMode: 'shareable' } });
  const { Id } = (await create({ IpcMode: `container:${donor}` })).json;
  await engine.ask('POST', `/containers/${donor}/stop?t=0`);
  const late = await engine.call('POST', `/containers/${Id}/start`);
  assert.deepEqual(
    [late.status, /HostConfig.IpcMode: cannot join .* is not running/.test(late.text)],
    [409, true],
    late.text,
  );
  await engine.ask('POST', `/containers/${donor}/start`);
  await engine.ask('POST', `/containers/${Id}/start`);
  // It keeps what it has when the other one goes.
  await engine.ask('DELETE', `/containers/${donor}?force=1`);
  assert.equal((await engine.inspect(Id)).State.Status, 'running');
});

test('a container that others join may be renamed, and started anew', async () => {
  const donor = await runWriter('first', { RestartPolicy: { Name: 'always' } });
  const modes = ['NetworkMode', 'PidMode', 'IpcMode'];
  const { Id } = (await create(Object.fromEntries(modes.map((mode) => [mode, 'container:first'])))).json;
  await engine.ask('POST', `/containers/${donor}/rename?name=second`);
  await engine.ask('POST', `/containers/${donor}/restart?t=0`);
  await engine.ask('POST', `/containers/${Id}/start`);
  const { HostConfig, State } = await engine.inspect(Id);
  for (const mode of modes) assert.equal(HostConfig[mode], `container:${donor}`);
  assert.equal(State.Status, 'running');
});
