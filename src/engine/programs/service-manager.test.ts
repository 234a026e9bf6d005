import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemIsStopping, takeListener, tellReady } from './service-manager.ts';

test('takeListener() takes the one socket that is meant for this process, and lets nobody else have it', () => {
  const environment = { LISTEN_FDS: '1', LISTEN_PID: '12', LISTEN_FDNAMES: 'proad.socket', PATH: '/bin' };
  assert.equal(takeListener(environment, 12), 3);
  assert.deepEqual(environment, { PATH: '/bin' });
});

test('takeListener() leaves what is meant for another process', () => {
  assert.equal(takeListener({ LISTEN_FDS: '1', LISTEN_PID: '11' }, 12), undefined);
  assert.equal(takeListener({ LISTEN_FDS: '1' }, 12), undefined);
  assert.equal(takeListener({}, 12), undefined);
});

test('takeListener() refuses several sockets', () => {
  assert.throws(
    () => takeListener({ LISTEN_FDS: '2', LISTEN_PID: '12' }, 12),
    /LISTEN_FDS: expected one socket, got 2/,
  );
});

/** A directory with one program that answers as a service manager's would. */
function withProgram(name: string, script: string, body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'proa-service-manager-'));
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
  return body(directory).finally(() => rmSync(directory, { recursive: true }));
}

test('tellReady() tells the socket that it was given, once', async () => {
  await withProgram('systemd-notify', `echo "$NOTIFY_SOCKET $*" >>"$(dirname "$0")/told"`, async (directory) => {
    const environment = { NOTIFY_SOCKET: '/run/notify', PATH: `${directory}:/usr/bin:/bin` };
    await tellReady(environment);
    await tellReady(environment);
    assert.equal(readFileSync(join(directory, 'told'), 'utf8'), '/run/notify --ready\n');
  });
});

test('systemIsStopping() only where this process is a service and the manager says so', async () => {
  await withProgram('systemctl', 'echo stopping; exit 1', async (directory) => {
    const PATH = `${directory}:/usr/bin:/bin`;
    assert.equal(await systemIsStopping({ PATH, SYSTEMD_EXEC_PID: '12' }, 12), true);
    assert.equal(await systemIsStopping({ PATH, SYSTEMD_EXEC_PID: '11' }, 12), false);
    assert.equal(await systemIsStopping({ PATH }, 12), false);
  });
  await withProgram('systemctl', 'echo running', async (directory) => {
    assert.equal(await systemIsStopping({ PATH: directory, SYSTEMD_EXEC_PID: '12' }, 12), false);
  });
});
