// docker-py, which Python programs use, on our engine. Its tests are in docker_py.py.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { repositoryInside } from '../../tools/peers.mjs';
import { startProad, startRegistry } from './proad.ts';
import { openSite, type Site } from './support.ts';

interface Told {
  name: string;
  seconds: number;
  wrong: string | null;
}

let site: Site;

before(async () => {
  site = await openSite('docker-py');
});
after(async () => {
  if (process.env['ENGINE_LOG']) console.error(site.log('node'));
  await site?.end();
});

test('docker-py', { timeout: 240_000 }, async (suite) => {
  const [, , host = ''] = await startProad(site);
  const registry = await startRegistry(site);
  const line = ['python3', `${repositoryInside}/tests/engines/docker_py.py`, host, site.work, registry];
  const { status, stdout, stderr } = site.run(line, { seconds: 120 });
  assert.equal(status, 0, stdout + stderr);
  const told = stdout.trim().split('\n');
  assert.ok(told.length >= 14, stdout);
  for (const { name, seconds, wrong } of told.map((text) => JSON.parse(text) as Told))
    await suite.test(`${name} (${seconds} s)`, () => {
      if (wrong !== null) assert.fail(wrong);
    });
});
