// The monitor's json-file against dockerd's: the same bytes give the same file, and `docker logs` reads ours.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDockerd } from './dockerd.ts';
import { makeRootfs, openSite, type Site } from './support.ts';

let site: Site;
let words: string[];

before(async () => {
  site = await openSite('docker-log');
  const rootfs = join(site.work, 'rootfs');
  await makeRootfs(rootfs);
  mkdirSync(join(site.work, 'output'));
  words = await startDockerd(site);
  execFileSync('tar', ['-C', rootfs, '-cf', join(site.work, 'rootfs.tar'), '.']);
  docker('import', join(site.work, 'rootfs.tar'), 'log-test');
  execFileSync('node', ['tools/log-writer.mjs'], { stdio: 'inherit' });
});

after(async () => site?.end());

function docker(...line: string[]): string {
  const { status, stdout, stderr } = site.run([...words, ...line]);
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

/** A container of dockerd that has said these bytes, and where its log is. */
function containerSaying(output: Buffer): { id: string; log: string } {
  writeFileSync(join(site.work, 'output/bytes'), output);
  const mount = `${join(site.work, 'output')}:/output:ro`;
  const id = docker('run', '--detach', '--network', 'none', '--volume', mount, 'log-test', 'cat', '/output/bytes');
  docker('wait', id);
  return { id, log: join(site.work, 'data/containers', id, `${id}-json.log`) };
}

/** What our writer makes of them. */
function ours(output: Buffer): Buffer {
  const path = join(site.work, 'ours.log');
  const settings = { format: 'json-file', path, maximumBytes: 0, files: 1, compress: false };
  rmSync(path, { force: true });
  execFileSync('build/log-writer', [JSON.stringify(settings)], { input: output, stdio: ['pipe', 'ignore', 'ignore'] });
  return readFileSync(path);
}

const timeless = (log: Buffer) => log.toString('latin1').replace(/"time":"[^"]*"/g, '"time"');

test('json-file is what dockerd writes, for any bytes', () => {
  const letters = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const text = Buffer.from('\n<é&"\\ 😀 \u2028\u2029\ufffd\t\r>\n\n');
  const cut = Buffer.from('\n\xe2\x82\n\xf0\x9f\x98\n\xed\xa0\x80\n\xc0\x80\n\xf4\x90\x80\x80\n', 'latin1');
  const output = Buffer.concat([letters, text, cut, randomBytes(300_000), Buffer.from('\nno end')]);
  const { id, log } = containerSaying(output);
  assert.equal(timeless(ours(output)), timeless(readFileSync(log)));
  docker('rm', id);
});

test('docker logs reads what we write, long lines as one', () => {
  const { id, log } = containerSaying(Buffer.from('placeholder\n'));
  const output = Buffer.from(`one\n${'é'.repeat(40_000)}\n${'x'.repeat(16384)}\n\nlast`);
  writeFileSync(log, ours(output));
  assert.equal(docker('logs', id), output.toString());
  docker('rm', id);
});
