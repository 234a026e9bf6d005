// Our engine, for benchmarks that run its client and others' in turns.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const repository = resolve(import.meta.dirname, '..');

/** The engine as the client starts it, outside of the peers' root, which has no Node.js. */
export function ourEngine({ work }) {
  // In memory, as /run is for the others; there, since it is the same inside the peers' root.
  const run = mkdtempSync('/dev/shm/proa-bench-');
  const client = resolve(process.env.PROA_CLIENT ?? join(repository, 'dist/proa'));
  cpSync(client, join(work, 'proa'));
  const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
  const ours = (...words) => {
    const places = { PROA_RUN: run, PROA_STATE: join(work, 'state'), DOCKER_HOST: '' };
    const done = spawnSync(client, words, { encoding: 'utf8', env: { ...env, ...places } });
    if (done.status !== 0) throw new Error(`proa ${words.join(' ')}: ${done.stderr}`);
    return done.stdout;
  };
  ours('version');
  const processes = () =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && commandLine(pid).includes(run));
  const monitors = () =>
    readdirSync(join(run, 'containers')).map(
      (id) => JSON.parse(readFileSync(join(run, 'containers', id, 'state.json'), 'utf8')).monitor.pid,
    );
  return {
    line: [join(work, 'proa'), '--host', `unix://${run}/proad.sock`],
    socket: join(run, 'proad.sock'),
    ours,
    /** Of the engine itself, which runs in Node.js. */
    pid: () => processes().find((pid) => commandLine(pid).includes('proad')),
    pids: () => [...new Set([...processes(), ...monitors()])],
    async end() {
      const left = ours('ps', '--all', '--quiet').split('\n').filter(Boolean);
      if (left.length > 0) ours('rm', '--force', ...left);
      for (let tries = 0; tries < 50 && processes().length > 0; tries++) {
        for (const pid of processes()) end(pid);
        await sleep(100);
      }
      rmSync(run, { recursive: true, force: true });
    },
  };
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function end(pid) {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has just ended.
  }
}
