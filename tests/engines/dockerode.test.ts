// dockerode, which Node.js programs use, on our engine: what goes through it is what its users expect.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';
import Docker from 'dockerode';
import { extract, pack } from 'tar-stream';
import { EngineProcess } from '#tests/integration/support/engine.ts';
import { serveRegistry } from './registries.ts';

const image = 'proa/base';
const network = { NetworkMode: 'none' };
let engine: EngineProcess;
let docker: Docker;
let work: string;
let registry: ChildProcess | undefined;

before(async () => {
  engine = await EngineProcess.start();
  docker = new Docker({ socketPath: engine.socket });
  work = mkdtempSync('/tmp/proa-dockerode-');
});

after(async () => {
  if (process.env['ENGINE_LOG']) console.error(engine.errors);
  registry?.kill();
  await engine?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

/** A test that fails where something hangs. */
const it = (name: string, body: () => Promise<void>) => test(name, { timeout: 60_000 }, body);

function create(Cmd: string[], more: Docker.ContainerCreateOptions = {}): Promise<Docker.Container> {
  return docker.createContainer({ Image: image, Cmd, HostConfig: network, ...more });
}

async function withContainer(
  Cmd: string[],
  body: (container: Docker.Container) => Promise<void>,
  more: Docker.ContainerCreateOptions = {},
): Promise<void> {
  const container = await create(Cmd, more);
  try {
    await container.start();
    await body(container);
  } finally {
    await container.remove({ force: true, v: true });
  }
}

/** Both streams of what a connection brings, to its end. */
async function split(stream: NodeJS.ReadableStream): Promise<{ stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.on('end', () => {
    stdout.end();
    stderr.end();
  });
  const [one, two] = await Promise.all([text(stdout), text(stderr)]);
  return { stdout: one, stderr: two };
}

const followed = (stream: NodeJS.ReadableStream) =>
  new Promise<{ status?: string; error?: string }[]>((done, failed) =>
    docker.modem.followProgress(stream, (error, output) => (error ? failed(error) : done(output))),
  );

it('run() with two streams keeps them apart, and has the status', async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const script = 'echo out; echo err >&2; exit 3';
  const running = docker.run(image, ['sh', '-c', script], [stdout, stderr] as never, {
    Tty: false,
    HostConfig: network,
  });
  const [out, err, [{ StatusCode }, container]] = await Promise.all([text(stdout), text(stderr), running]);
  assert.deepEqual([out, err, StatusCode], ['out\n', 'err\n', 3]);
  await container.remove();
});

it('run() has a terminal unless told otherwise', async () => {
  const stdout = new PassThrough();
  const running = docker.run(image, ['sh', '-c', 'test -t 1 && echo a terminal'], stdout, { HostConfig: network });
  const [out, [{ StatusCode }, container]] = await Promise.all([text(stdout), running]);
  assert.deepEqual([out, StatusCode], ['a terminal\r\n', 0]);
  await container.remove();
});

it('a container that is left to itself is waited for, read and removed', async () => {
  const container = await create(['sh', '-c', 'echo said; exit 4']);
  await container.start();
  assert.deepEqual(await container.wait(), { StatusCode: 4 });
  assert.match((await container.logs({ stdout: true })).toString(), /said\n$/);
  const { State, Name } = await container.inspect();
  assert.deepEqual([State.Status, State.ExitCode], ['exited', 4]);
  assert.deepEqual(
    (await docker.listContainers({ all: true, filters: { id: [container.id] } })).map(({ Names }) => Names),
    [[Name]],
  );
  await container.remove();
  await assert.rejects(container.inspect(), { statusCode: 404, reason: 'no such container' });
});

for (const hijack of [true, false]) {
  it(`attach() ${hijack ? 'with' : 'without'} hijack carries input to the program, and its output`, async () => {
    const container = await create(['sh', '-c', 'read word; echo got $word; echo wrong >&2'], {
      OpenStdin: true,
      StdinOnce: true,
    });
    const stream = await container.attach({ stream: true, hijack, stdin: true, stdout: true, stderr: true });
    const both = split(stream);
    await container.start();
    stream.write('given\n');
    assert.deepEqual(await both, { stdout: 'got given\n', stderr: 'wrong\n' });
    await container.remove({ force: true });
  });
}

it('attach() takes 24 MB, and gives them back', async () => {
  const input = Buffer.alloc(24 << 20, createHash('sha512').update('proa').digest());
  const container = await create(['cat'], { OpenStdin: true, StdinOnce: true });
  const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true });
  const digest = createHash('sha256');
  const output = new PassThrough();
  docker.modem.demuxStream(stream, output, output);
  output.on('data', (piece) => digest.update(piece));
  await container.start();
  await Promise.all([once(stream, 'end'), pipeline(Readable.from(pieces(input)), stream)]);
  assert.equal(digest.digest('hex'), createHash('sha256').update(input).digest('hex'));
  assert.deepEqual(await container.wait(), { StatusCode: 0 });
  await container.remove();
});

function* pieces(bytes: Buffer, size = 1 << 20): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

it('exec() has its streams, its status, and a terminal with a size', async () => {
  await withContainer(['sleep', '1000'], async (container) => {
    const script = 'read word; echo got $word; echo wrong >&2; exit 5';
    const streams = { AttachStdin: true, AttachStdout: true, AttachStderr: true };
    const exec = await container.exec({ Cmd: ['sh', '-c', script], ...streams });
    const stream = await exec.start({ hijack: true, stdin: true });
    const both = split(stream);
    stream.write('given\n');
    assert.deepEqual(await both, { stdout: 'got given\n', stderr: 'wrong\n' });
    assert.deepEqual([(await exec.inspect()).Running, (await exec.inspect()).ExitCode], [false, 5]);

    const plain = await container.exec({ Cmd: ['echo', 'word'], AttachStdout: true });
    assert.deepEqual(await split(await plain.start({})), { stdout: 'word\n', stderr: '' });

    const shell = await container.exec({ Cmd: ['sh'], ...streams, Tty: true });
    const terminal = await shell.start({ hijack: true, stdin: true, Tty: true });
    await shell.resize({ h: 33, w: 99 });
    terminal.write('stty size; exit 6\n');
    assert.match(await text(terminal), /\r\n33 99\r\n/);
    assert.equal((await shell.inspect()).ExitCode, 6);

    const detached = await container.exec({ Cmd: ['touch', '/tmp/mark'] });
    (await detached.start({ Detach: true })).resume();
    while ((await detached.inspect()).Running !== false);
    assert.equal((await detached.inspect()).ExitCode, 0);
    await assert.rejects(detached.start({ Detach: true }), { statusCode: 409 });
  });
});

it('logs() follows to the end, and takes since, tail and timestamps', async () => {
  const script = 'for n in 1 2 3; do echo line $n; sleep 0.3; done; echo wrong >&2';
  await withContainer(['sh', '-c', script], async (container) => {
    const all = { stdout: true, stderr: true };
    const stream = await container.logs({ ...all, follow: true });
    assert.deepEqual(await split(stream), { stdout: 'line 1\nline 2\nline 3\n', stderr: 'wrong\n' });
    const last = await container.logs({ ...all, tail: 2, timestamps: true });
    assert.match(last.toString('latin1'), /Z line 3\n.*Z wrong\n$/s);
    assert.doesNotMatch(last.toString('latin1'), /line 2/);
  });
});

it('archives go in and come out, and say what is there', async () => {
  await withContainer(['sleep', '1000'], async (container) => {
    const archive = pack();
    archive.entry({ name: 'tree/file', mode: 0o640 }, 'content');
    archive.finalize();
    await container.putArchive(archive as never, { path: '/tmp' });
    const found: Record<string, string> = {};
    const reader = extract();
    reader.on('entry', async (header, body, next) => {
      found[header.name] = await text(body);
      next();
    });
    await pipeline(await container.getArchive({ path: '/tmp/tree' }), reader);
    assert.deepEqual(found, { 'tree/': '', 'tree/file': 'content' });
    const { headers } = await container.infoArchive({ path: '/tmp/tree/file' });
    const stat = JSON.parse(Buffer.from(headers['x-docker-container-path-stat'], 'base64').toString());
    assert.deepEqual([stat.name, stat.size, stat.mode & 0o777], ['file', 7, 0o640]);
    await assert.rejects(container.getArchive({ path: '/no/such' }), { statusCode: 404 });
    assert.ok((await container.changes()).some(({ Path }: { Path: string }) => Path === '/tmp/tree/file'));
    const whole = await buffer(await container.export());
    assert.ok(whole.includes('tmp/tree/file'));
  });
});

it('top(), stats(), pause(), rename(), update(), restart() and kill()', async () => {
  await withContainer(['sleep', '1000'], async (container) => {
    const { Titles, Processes } = await container.top({ ps_args: '-o pid,args' });
    assert.deepEqual([Titles, Processes.length, Processes[0][1]], [['PID', 'COMMAND'], 1, 'sleep 1000']);
    const once = await container.stats({ stream: false, 'one-shot': true });
    assert.equal(once.pids_stats?.current, 1);
    const stream = (await container.stats({ stream: true })) as unknown as Readable;
    const samples: Docker.ContainerStats[] = [];
    for await (const line of stream) if (samples.push(JSON.parse(String(line))) === 2) break;
    const [first, second] = samples;
    assert.equal(second?.preread, first?.read);
    assert.equal(second?.precpu_stats.system_cpu_usage, first?.cpu_stats.system_cpu_usage);
    await container.pause();
    assert.equal((await container.inspect()).State.Status, 'paused');
    await assert.rejects(container.exec({ Cmd: ['true'] }), { statusCode: 409 });
    await container.unpause();
    await container.rename({ name: 'other-name' });
    await container.update({ PidsLimit: 77 });
    const { Name, HostConfig } = await docker.getContainer('other-name').inspect();
    assert.deepEqual([Name, HostConfig.PidsLimit], ['/other-name', 77]);
    const { Pid } = (await container.inspect()).State;
    await container.restart({ t: 0 });
    assert.notEqual((await container.inspect()).State.Pid, Pid);
    await container.kill({ signal: 'SIGKILL' });
    assert.deepEqual(await container.wait(), { StatusCode: 137 });
    await assert.rejects(container.kill(), { statusCode: 409 });
    await assert.rejects(container.stop(), { statusCode: 304 });
  });
});

it('events come as they happen, by filters', async () => {
  const since = Math.floor(Date.now() / 1000);
  const watched = { container: ['watched'], event: ['start', 'die'] };
  const stream = await docker.getEvents({ filters: watched });
  const actions: string[] = [];
  const heard = (async () => {
    // Several may come at once.
    for await (const piece of stream as unknown as Readable) {
      actions.push(
        ...String(piece)
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line).Action),
      );
      if (actions.length >= 2) break;
    }
  })();
  await withContainer(['true'], (container) => container.wait(), { name: 'watched' });
  await heard;
  assert.deepEqual(actions, ['start', 'die']);
  const past = await docker.getEvents({
    since,
    until: Math.floor(Date.now() / 1000) + 1,
    filters: { type: ['volume'] },
  });
  assert.equal(await text(past as Readable), '');
});

it('images are listed, tagged, saved, removed, loaded and committed', async () => {
  const { Id } = await docker.getImage(image).inspect();
  await docker.getImage(image).tag({ repo: 'made', tag: 'one' });
  assert.deepEqual(
    (await docker.listImages({ filters: { reference: ['made'] } })).map(({ RepoTags }) =>
      RepoTags?.includes('made:one'),
    ),
    [true],
  );
  const archive = await buffer(await docker.getImage('made:one').get());
  assert.deepEqual(await docker.getImage('made:one').remove(), [{ Untagged: 'made:one' }]);
  const loaded = await followed(await docker.loadImage(Readable.from([archive]) as never));
  assert.match(JSON.stringify(loaded), /Loaded image: made:one/);
  assert.equal((await docker.getImage('made:one').inspect()).Id, Id);
  assert.ok((await docker.getImage(image).history()).length > 0);
  await withContainer(['sh', '-c', 'echo word >/word'], async (container) => {
    await container.wait();
    await container.commit({ repo: 'made', tag: 'two', comment: 'why' });
  });
  const output = new PassThrough();
  const said = text(output);
  // It waits after the start: a container that removes itself might be gone by then.
  const [{ StatusCode }, ran] = (await docker.run('made:two', ['cat', '/word'], output, {
    Tty: false,
    HostConfig: network,
  })) as [{ StatusCode: number }, Docker.Container];
  assert.equal(StatusCode, 0);
  assert.match(await said, /word\n$/);
  await ran.remove();
  for (const tag of ['one', 'two']) await docker.getImage(`made:${tag}`).remove({ force: true });
  await assert.rejects(docker.getImage('made:two').inspect(), { statusCode: 404, reason: 'no such image' });
});

it('an image goes to a registry, and comes back', async () => {
  const served = await serveRegistry(work);
  registry = served.server;
  const name = `${served.host}/team/base`;
  const { Id } = await docker.getImage(image).inspect();
  await docker.getImage(image).tag({ repo: name, tag: '1' });
  const pushed = await followed(await docker.getImage(`${name}:1`).push({}));
  assert.ok(
    pushed.some(({ status }) => status?.includes('digest: sha256:')),
    JSON.stringify(pushed),
  );
  await docker.getImage(`${name}:1`).remove();
  const pulled = await followed(await docker.pull(`${name}:1`));
  assert.ok(
    pulled.some(({ status }) => status?.startsWith('Digest: sha256:')),
    JSON.stringify(pulled),
  );
  assert.equal((await docker.getImage(`${name}:1`).inspect()).Id, Id);
  await docker.getImage(`${name}:1`).remove();
  await assert.rejects(docker.pull(`${name}:none`), { statusCode: 404 });
});

interface Volumes {
  Volumes: { Name: string }[];
}

it('volumes are made, listed, used and removed', async () => {
  await docker.createVolume({ Name: 'kept', Labels: { of: 'test' } });
  const host = { ...network, Binds: ['kept:/data'] };
  const write = await create(['sh', '-c', 'echo word >/data/file'], { HostConfig: host });
  await write.start();
  await write.wait();
  await assert.rejects(docker.getVolume('kept').remove(), { statusCode: 409 });
  await write.remove();
  const read = await create(['cat', '/data/file'], { HostConfig: host });
  const stream = await read.attach({ stream: true, stdout: true, stderr: true });
  const both = split(stream);
  await read.start();
  assert.deepEqual(await both, { stdout: 'word\n', stderr: '' });
  await read.wait();
  await read.remove();
  const listed = (await docker.listVolumes({ filters: { label: ['of=test'] } } as never)) as unknown as Volumes;
  assert.deepEqual(
    listed.Volumes.map(({ Name }) => Name),
    ['kept'],
  );
  await docker.getVolume('kept').remove();
  assert.deepEqual((await docker.pruneVolumes()).VolumesDeleted ?? [], []);
});

it('what the engine says of itself is there', async () => {
  assert.equal(String(await docker.ping()), 'OK');
  const [{ ApiVersion }, { Containers, Images }] = await Promise.all([docker.version(), docker.info()]);
  assert.match(ApiVersion, /^1\.\d+$/);
  assert.deepEqual([Containers, Images], [0, 1]);
});
