// Two clients, `proa` and `docker`, on one dockerd.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryInside } from '../../tools/peers.mjs';
import { startDockerd } from './dockerd.ts';
import { makeRootfs, type Outcome, openSite, type RunOptions, type Site } from './support.ts';

export type Client = 'proa' | 'docker';
export const clients: readonly Client[] = ['docker', 'proa'];
export const image = 'client-test';

export let site: Site;
export const lines: Record<Client, string[]> = { proa: [], docker: [] };

/** Starts dockerd, with an image that both clients use. */
export async function openClients(name: string): Promise<void> {
  site = await openSite(name);
  const rootfs = join(site.work, 'rootfs');
  await makeRootfs(rootfs);
  lines.docker = await startDockerd(site);
  lines.proa = [`${repositoryInside}/dist/proa`, ...lines.docker.slice(1)];
  execFileSync('tar', ['-C', rootfs, '-cf', join(site.work, 'rootfs.tar'), '.']);
  ok('proa', 'import', '--message', 'made by a test', join(site.work, 'rootfs.tar'), image);
}

export function by(client: Client, words: readonly string[], options?: RunOptions): Outcome {
  return site.run([...lines[client], ...words], options);
}

/** Runs it with a client, and what it printed. */
export function ok(client: Client, ...words: string[]): string {
  const { status, stdout, stderr } = by(client, words);
  assert.equal(status, 0, `${client} ${words.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** What is different each time becomes the same. */
export function usual(text: string): string {
  return (
    text
      .replace(/\b(docker|proa)-(?=[a-z])/g, 'CLIENT-')
      .replace(/^(docker|proa): /gm, '')
      .replace(/\n*Run '(docker|proa) .*--help' for more information\n?/g, '\n')
      .replace(/See '(docker|proa) .*--help' for more information\n?/g, '')
      .replace(/Usage: {2}(docker|proa) /g, 'Usage:  ')
      .replace(/(?<=')(docker|proa) |(?<=unknown command: )(docker|proa) /g, '')
      .replace(/\b[0-9a-f]{64}\b/g, 'ID')
      .replace(/\b[0-9a-f]{12}\b/g, 'SHORT')
      .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[ +-]\d{4} UTC|[+-]\d\d:\d\d)?/g, 'TIME')
      .replace(/(Less than a|About a|About an|\d+) (second|minute|hour)s?( ago)?/g, 'AGE')
      .replace(/import-\d+/g, 'import-N')
      // What docker's own goroutines log beside the error.
      .replace(/^time="TIME" level=error msg=.*\n/gm, '')
      .replace(/ {2,}/g, '  ')
      .trim()
  );
}

/** The same words with both clients: outcomes that are made equal must be equal. `CLIENT` in a word is the client's name. */
export function same(words: readonly string[], options?: RunOptions): Outcome {
  const [theirs, ours] = clients.map((client) => {
    const { status, stdout, stderr } = by(
      client,
      words.map((word) => word.replaceAll('CLIENT', client)),
      options,
    );
    return { status, stdout: usual(stdout), stderr: usual(stderr) };
  }) as [Outcome, Outcome];
  assert.deepEqual(ours, theirs, words.join(' '));
  return ours;
}

export const run = ['run', '--rm', '--network', 'none'];

export async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (holds()) return;
    await sleep(100);
  }
  throw new Error('it does not come');
}
