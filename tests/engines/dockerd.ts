import assert from 'node:assert/strict';
import { join } from 'node:path';
import { initPath, runtimePath, type Site } from './support.ts';

/** Starts dockerd with our runtime; the words before each verb. */
export async function startDockerd(site: Site): Promise<string[]> {
  const words = ['docker', '--host', 'unix:///run/docker.sock'];
  const options = {
    'data-root': join(site.work, 'data'),
    'exec-root': '/run/docker',
    pidfile: '/run/docker.pid',
    host: 'unix:///run/docker.sock',
    'add-runtime': `proa=${runtimePath}`,
    'default-runtime': 'proa',
    'cgroup-parent': `/${site.cgroup}`,
    'init-path': initPath,
    'log-level': 'warn',
  };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  await site.daemon(['dockerd', ...flags], [...words, 'version']);
  const info = site.run([...words, 'info', '--format', '{{.DefaultRuntime}}']);
  assert.equal(info.stdout.trim(), 'proa');
  return words;
}
