// Docker's own client on our engine.
import assert from 'node:assert/strict';
import { startProad } from './proad.ts';
import { type Outcome, openSite, type RunOptions, type Site } from './support.ts';

export let site: Site;
/** What stands before each verb. */
export let words: string[];

export async function openDockerCli(name: string): Promise<void> {
  site = await openSite(name);
  words = await startProad(site);
}

export async function endDockerCli(): Promise<void> {
  if (process.env['ENGINE_LOG']) console.error(site.log('node'));
  await site?.end();
}

export function cli(line: readonly string[], options?: RunOptions): Outcome {
  return site.run([...words, ...line], options);
}

/** Standard output of a command that succeeds. */
export function ok(...line: string[]): string {
  const { status, stdout, stderr } = cli(line);
  assert.equal(status, 0, `${line.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}
