// What is asked for is done, or refused by name: where neither was so would not be seen by who asks.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

let engine: EngineProcess;
before(async () => {
  engine = await EngineProcess.start();
});
after(() => engine?.[Symbol.asyncDispose]());

const create = (host: object, config: object = {}) =>
  engine.call('POST', '/containers/create', {
    Image: 'proa/base',
    Cmd: ['sleep', '100'],
    HostConfig: { NetworkMode: 'none', ...host },
    ...config,
  });

async function outputOf(host: object, script: string): Promise<string> {
  const id = await engine.runContainer(['sh', '-c', script], { host });
  await engine.ask('POST', `/containers/${id}/wait`);
  const { bytes } = await engine.call<unknown>('GET', `/containers/${id}/logs?stdout=1`);
  return bytes.toString('latin1').replace(/\x01\0{3}[\s\S]{4}/g, '');
}

test('who joins a container’s network has its names', async () => {
  const host = { ExtraHosts: ['somewhere:10.1.2.3'], Dns: ['10.9.8.7'] };
  const owner = await engine.runContainer(['sleep', '100'], { name: 'owner', host, Hostname: 'own-name' });
  const NetworkMode = 'container:owner';
  const joining = await engine.runContainer(['sleep', '100'], { name: 'joining', host: { NetworkMode } });
  const show = 'hostname; echo $HOSTNAME; cat /etc/hostname; tail -n 1 /etc/hosts; cat /etc/resolv.conf';
  for (const mode of [NetworkMode, 'container:joining'])
    assert.equal(
      await outputOf({ NetworkMode: mode }, show),
      'own-name\nown-name\nown-name\n10.1.2.3\tsomewhere\nnameserver 10.9.8.7\n',
    );
  const [one, other] = [await engine.inspect(owner), await engine.inspect(joining)] as unknown as Record<
    string,
    unknown
  >[];
  assert.equal(other?.['HostsPath'], one?.['HostsPath']);
});

test('options that another one leaves nothing to do for are refused', async () => {
  await engine.runContainer(['sleep', '100'], { name: 'joined' });
  const NetworkMode = 'container:joined';
  for (const [host, config, message] of [
    [{ NetworkMode }, { Hostname: 'x' }, 'hostname and the network mode'],
    [{ NetworkMode, Dns: ['1.1.1.1'] }, {}, 'dns and the network mode'],
    [{ NetworkMode, DnsSearch: ['x'] }, {}, 'dns and the network mode'],
    [{ NetworkMode, ExtraHosts: ['a:1.1.1.1'] }, {}, 'custom host-to-IP mapping and the network mode'],
    [{ UTSMode: 'host' }, { Hostname: 'x' }, 'hostname and the UTS mode'],
    [{ Binds: ['some:/x:rslave'] }, {}, 'rslave is not for a volume'],
    [{ Binds: ['/tmp:/x:nocopy'] }, {}, 'nocopy is not for a bind mount'],
    [{ Binds: ['/tmp:/x:ro,rw'] }, {}, 'invalid mode: ro,rw'],
    [{ Binds: ['/tmp:/x:shared,slave'] }, {}, 'invalid mode: shared,slave'],
    [{ VolumesFrom: ['joined:wo'] }, {}, 'invalid mode: wo'],
    [{ Dns: ['somewhere'] }, {}, '\\"somewhere\\" is no IP address'],
    [{ Tmpfs: { '/x': 'noexec,sized=1m' } }, {}, 'HostConfig.Tmpfs[\\"/x\\"]: invalid tmpfs option \\"sized=1m\\"'],
    [{ Tmpfs: { '/x': 'size=much' } }, {}, 'invalid tmpfs option \\"size=much\\"'],
    [{ Tmpfs: { '/x': 'bind' } }, {}, 'invalid tmpfs option \\"bind\\"'],
    [{ CpusetCpus: '0-' }, {}, 'HostConfig.CpusetCpus: expected a list'],
    [{ CpusetCpus: '1-0' }, {}, 'HostConfig.CpusetCpus: invalid range 1-0'],
    [{ CpusetCpus: '0,8191' }, {}, 'HostConfig.CpusetCpus: Requested CPUs are not available - requested 0,8191'],
    [{ CpusetMems: '1023' }, {}, 'HostConfig.CpusetMems: Requested memory nodes are not available'],
    [{ Sysctls: { net: '1' } }, {}, 'HostConfig.Sysctls[\\"net\\"]: expected a parameter such as'],
    [
      { Sysctls: { 'vm.swappiness': '1' } },
      {},
      'HostConfig.Sysctls[\\"vm.swappiness\\"]: not allowed, since it belongs to',
    ],
    [{ Sysctls: { 'net.ipv4.ip_forward': '1' }, NetworkMode: 'host' }, {}, 'needs a namespace of type \\"network\\"'],
    [{ Sysctls: { 'kernel.sem': '1' }, IpcMode: 'host' }, {}, 'needs a namespace of type \\"ipc\\"'],
    [{ SecurityOpt: ['apparmor=none-such'] }, {}, 'HostConfig.SecurityOpt: \\"apparmor=none-such\\": '],
    [{ ExtraHosts: ['a:somewhere'] }, {}, '\\"somewhere\\" is no IP address'],
  ] as const) {
    const { status, text } = await create(host, config);
    assert.deepEqual([status, text.includes(message)], [400, true], `${JSON.stringify(host)}: ${status} ${text}`);
  }
  assert.equal((await create({ ExtraHosts: ['a:[::1]', 'b=::2'], Dns: ['::1'] })).status, 201);
  assert.equal((await create({ Tmpfs: { '/x': 'mode=01777,size=50%' } })).status, 201);
});

test('a mount that is to be seen from both sides comes from one that shares', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'proa-propagation-'));
  const mount = (...words: string[]) => execFileSync('mount', [...words, directory]);
  mount('-t', 'tmpfs', 'none');
  try {
    for (const [mode, what] of [
      ['slave', 'a shared or slave mount'],
      ['rshared', 'a shared mount'],
    ] as const) {
      const { Id } = (await create({ Binds: [`${directory}:/x:${mode}`] })).json as { Id: string };
      const start = () => engine.call('POST', `/containers/${Id}/start`);
      mount('--make-private');
      const { status, text } = await start();
      assert.equal(status, 400, text);
      assert.match(text, new RegExp(`path ${directory} is mounted on ${directory} but it is not ${what}`));
      mount('--make-shared');
      assert.equal((await start()).status, 204);
    }
  } finally {
    execFileSync('umount', ['--lazy', directory]);
    rmdirSync(directory);
  }
});

test('a name that is its own already, and one that reads like a digest, are refused', async () => {
  await engine.runContainer(['sleep', '100'], { name: 'named' });
  for (const name of ['named', '/named']) {
    const { status, text } = await engine.call('POST', `/containers/named/rename?name=${name}`);
    assert.deepEqual([status, /same name as its current name/.test(text)], [400, true], text);
  }
  const { Id } = await engine.ask<{ Id: string }>('GET', '/images/proa/base/json');
  const short = Id.slice(0, 'sha256:'.length + 12);
  assert.equal((await engine.call('POST', `/images/${short}/tag?repo=by-id&tag=1`)).status, 201);
  for (const target of ['repo=sha256&tag=abc', 'repo=sha256:abc', 'repo=sha256']) {
    const { status, text } = await engine.call('POST', `/images/proa/base/tag?${target}`);
    assert.deepEqual([status, /ambiguous tag/.test(text)], [400, true], `${target}: ${text}`);
  }
  assert.equal((await engine.call('POST', '/images/proa/base/tag?repo=some/Where')).status, 400);
});

test('a further process that nobody waits for is refused where there is no such program', async () => {
  const id = await engine.runContainer(['sleep', '100']);
  for (const [program, code] of [
    ['nosuch', 127],
    ['/etc', 126],
  ] as const) {
    const { Id } = await engine.ask<{ Id: string }>('POST', `/containers/${id}/exec`, { Cmd: [program] });
    assert.equal((await engine.call('POST', `/exec/${Id}/start`, { Detach: true })).status, 400);
    assert.equal((await engine.ask<{ ExitCode: number }>('GET', `/exec/${Id}/json`)).ExitCode, code);
  }
});

test('another container that is missing is not told of as an image would be', async () => {
  for (const host of [{ VolumesFrom: ['none'] }, { PidMode: 'container:none' }, { NetworkMode: 'container:none' }]) {
    const { status, text } = await create(host);
    assert.equal(status, 400);
    assert.match(text, /No such container: none/);
  }
});

test('a container that cannot be made leaves no volume without a name', async () => {
  const volumes = async () => (await engine.ask<{ Volumes: { Name: string }[] }>('GET', '/volumes')).Volumes.length;
  const before = await volumes();
  const unnamed = { Type: 'volume', Target: '/a' };
  for (const host of [
    { Mounts: [unnamed, { Type: 'bind', Source: '/nowhere/at/all', Target: '/b' }] },
    { Mounts: [unnamed, unnamed] },
    { Binds: ['/a', '/a'] },
  ])
    assert.equal((await create(host)).status, 400);
  assert.equal(await volumes(), before);
});

test('details of logs have their place before a line', async () => {
  const id = await engine.runContainer(['echo', 'word']);
  await engine.ask('POST', `/containers/${id}/wait`);
  const line = async (query: string) =>
    (await engine.call('GET', `/containers/${id}/logs?stdout=1&${query}`)).bytes.subarray(8).toString();
  assert.equal(await line('details=0'), 'word\n');
  assert.equal(await line('details=1'), ' word\n');
  assert.match(await line('details=1&timestamps=1'), /^\S+Z {2}word\n$/);
});

test('a session of a user that is not there is refused before it is made', async () => {
  const id = await engine.runContainer(['sleep', '100']);
  const session = (User: string) => engine.call('POST', `/containers/${id}/exec`, { Cmd: ['true'], User });
  const { status, text } = await session('nowhere');
  assert.equal(status, 400);
  assert.match(text, /unable to find user nowhere/);
  assert.equal((await session('nobody')).status, 201);
});

test('a paused container that is asked to end is not paused any more, also where it does not end', async () => {
  const id = await engine.runContainer(['sleep', '100']);
  await engine.ask('POST', `/containers/${id}/pause`);
  await engine.ask('POST', `/containers/${id}/kill?signal=TERM`);
  await until(async () => (await engine.inspect(id)).State.Status === 'running');
  await engine.ask('POST', `/containers/${id}/pause`);
  await engine.ask('POST', `/containers/${id}/unpause`);
});

test('a client that is still sending gets the answer', async () => {
  const socket = createConnection(engine.socket);
  let answer = '';
  let failure: Error | undefined;
  const closed = new Promise((done) => socket.once('close', done));
  socket.on('error', (error) => {
    failure = error;
  });
  socket.write(
    'PUT /containers/none/archive?path=/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n',
  );
  await sleep(200);
  socket.write('1\r\ny\r\n');
  await sleep(50);
  socket.on('data', (bytes) => {
    answer += bytes;
  });
  await closed;
  assert.equal(failure, undefined);
  assert.match(answer, /^HTTP\/1\.1 404 [\s\S]*No such container: none/);
});
