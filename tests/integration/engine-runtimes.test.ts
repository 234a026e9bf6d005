// Containers of the engine that another OCI runtime runs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { otherRuntime, until } from './support/agent.ts';
import { EngineProcess } from './support/engine.ts';

for (const name of ['crun', 'runc']) {
  test(`${name} runs a container on its image's files, and again with what was written`, {
    skip: otherRuntime(name).skip,
  }, async () => {
    await using engine = await EngineProcess.start();
    const Cmd = ['sh', '-c', 'echo word >> /own; ls / > /listed; [ $(wc -l < /own) -lt 2 ] || exec sleep 100'];
    const id = await engine.runContainer(Cmd, { HostConfig: { Runtime: name, NetworkMode: 'none' } });
    await until(async () => (await engine.inspect(id)).State.Status === 'exited');
    assert.equal((await engine.inspect(id)).State.ExitCode, 0);
    await engine.ask('POST', `/containers/${id}/start`);
    await engine.kill();
    await engine.start();
    assert.equal((await engine.inspect(id)).State.Status, 'running');
    const changes = await engine.ask<{ Path: string; Kind: number }[]>('GET', `/containers/${id}/changes`);
    assert.deepEqual(
      changes.map(({ Path }) => Path),
      ['/listed', '/own'],
    );
    const { Pid } = (await engine.inspect(id)).State;
    const listed = readFileSync(`/proc/${Pid}/root/listed`, 'utf8').split('\n');
    assert.ok(listed.includes('bin') && !listed.includes('boot'), listed.join());
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(engine.state), false);
    await engine.ask('DELETE', `/containers/${id}?force=1`);
  });
}
