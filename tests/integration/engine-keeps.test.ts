// What an engine must not take away, whatever has happened to the one before it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

const writer = ['sh', '-c', 'echo word > /data/file; echo word > /own'];

/** A container that has written to an anonymous volume and to its own layer, and has ended. */
async function written(engine: EngineProcess): Promise<{ id: string; volume: string; file: string }> {
  const id = await engine.runContainer(writer, { Volumes: { '/data': {} } });
  await until(async () => (await engine.inspect(id)).State.Status === 'exited');
  const { Name: volume = '', Source: source = '' } = (await engine.inspect(id)).Mounts[0] ?? {};
  return { id, volume, file: join(source, 'file') };
}

test('a volume that nobody named outlives its container unless it is removed with it, also when the engine starts anew', async () => {
  await using engine = await EngineProcess.start();
  const kept = await written(engine);
  const gone = await written(engine);
  await engine.ask('DELETE', `/containers/${kept.id}`);
  await engine.ask('DELETE', `/containers/${gone.id}?v=1`);
  assert.equal(existsSync(gone.file), false);
  await engine.restart();
  assert.equal(readFileSync(kept.file, 'utf8'), 'word\n');
  assert.equal((await engine.call('GET', `/volumes/${kept.volume}`)).status, 200);
  await engine.ask('POST', '/volumes/prune');
  assert.equal(existsSync(kept.file), false);
});

test('a damaged record takes nothing with it: the engine starts, and layer and volume stay', async () => {
  await using engine = await EngineProcess.start();
  const { id, file } = await written(engine);
  const other = await engine.runContainer(['sleep', '100']);
  await engine.kill();
  const record = join(engine.state, 'engine/containers', id, 'container.json');
  const text = readFileSync(record, 'utf8');
  writeFileSync(record, text.slice(0, 100));
  await engine.start();
  assert.equal((await engine.call('GET', `/containers/${id}/json`)).status, 404);
  assert.equal((await engine.inspect(other)).State.Status, 'running');
  assert.match(engine.errors, /its record is damaged/);
  assert.equal(readFileSync(file, 'utf8'), 'word\n');
  assert.equal(readFileSync(join(engine.state, 'snapshots', id, 'upper/own'), 'utf8'), 'word\n');
  // Mended, it is there again.
  await engine.kill();
  writeFileSync(record, text);
  await engine.start();
  assert.equal((await engine.inspect(id)).State.ExitCode, 0);
});

test('a volume is filled from the image once: who empties it finds it empty', async () => {
  await using engine = await EngineProcess.start();
  const id = await engine.runContainer(['sh', '-c', 'ls /etc/passwd; rm -rf /etc/*'], { Volumes: { '/etc': {} } });
  const ended = async () => (await engine.inspect(id)).State.Status === 'exited';
  await until(ended);
  assert.equal((await engine.inspect(id)).State.ExitCode, 0);
  await engine.ask('POST', `/containers/${id}/start`);
  await until(ended);
  const { text } = await engine.call('GET', `/containers/${id}/logs?stdout=1&stderr=1`);
  assert.match(text, /\/etc\/passwd\n[\s\S]*No such file/);
});

test('a container whose monitor was killed is removed when it has ended, not before', async () => {
  await using engine = await EngineProcess.start();
  const id = await engine.runContainer(['sleep', '100']);
  const { Pid } = (await engine.inspect(id)).State;
  const { monitor } = JSON.parse(readFileSync(join(engine.run, 'containers', id, 'state.json'), 'utf8')) as {
    monitor: { pid: number };
  };
  process.kill(monitor.pid, 'SIGKILL');
  await engine.ask('DELETE', `/containers/${id}?force=1`);
  assert.equal(existsSync(join(engine.run, 'containers', id)), false);
  const stat = existsSync(`/proc/${Pid}/stat`) ? readFileSync(`/proc/${Pid}/stat`, 'utf8') : ') Z ';
  assert.match(stat, /\) Z /);
});

test('a volume whose record is damaged keeps its files, and can be used', async () => {
  await using engine = await EngineProcess.start();
  const host = { Binds: ['data:/data'] };
  const run = async (...script: string[]) => {
    const id = await engine.runContainer(['sh', '-c', ...script], { host });
    await until(async () => (await engine.inspect(id)).State.Status === 'exited');
    return (await engine.inspect(id)).State.ExitCode;
  };
  assert.equal(await run('echo word > /data/file'), 0);
  await engine.kill();
  const record = join(engine.state, 'volumes/data/volume.json');
  for (const damage of [() => writeFileSync(record, '{"na'), () => rmSync(record)]) {
    damage();
    await engine.restart();
    assert.equal(await run('cat /data/file'), 0);
  }
  assert.match(engine.errors, /volume data is kept/);
});
