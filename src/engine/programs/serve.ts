import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ProaError } from '#common/errors.ts';
import { operations } from '../api/routes/index.ts';
import { ApiServer } from '../api/server.ts';
import { Engine } from '../core/engine.ts';
import { findPrograms } from '../core/programs.ts';

/** `serve [--run DIRECTORY] [--state DIRECTORY] [--socket PATH]`: the engine, until SIGTERM or SIGINT. Containers run on. */
export async function serveEngine(words: string[]): Promise<void> {
  const { run, state, socket } = optionsOf(words);
  await using engine = await Engine.open({ run, state, programs: findPrograms() });
  const server = new ApiServer(engine, operations);
  // The roots are ours: whoever listened there before is gone.
  await rm(socket, { force: true });
  await server.listen(socket);
  engine.events.emit('daemon', 'start', 'proad');
  await new Promise<void>((stopped) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped());
  });
  await rm(socket, { force: true });
  await server.close();
}

function optionsOf(words: string[]): { run: string; state: string; socket: string } {
  let values: { run?: string | undefined; state?: string | undefined; socket?: string | undefined };
  try {
    const options = { run: { type: 'string' }, state: { type: 'string' }, socket: { type: 'string' } } as const;
    values = parseArgs({ args: words, options }).values;
  } catch (cause) {
    throw new ProaError('serve', { kind: 'invalid', cause });
  }
  const { run = '/run/proa', state = '/var/lib/proa' } = values;
  const socket = values.socket ?? join(run, 'proad.sock');
  for (const [name, path] of Object.entries({ run, state, socket }))
    if (!path.startsWith('/'))
      throw new ProaError(`serve: --${name}: expected an absolute path, got "${path}"`, { kind: 'invalid' });
  return { run, state, socket };
}
