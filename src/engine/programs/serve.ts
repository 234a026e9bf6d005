import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describe, ProaError } from '#common/errors.ts';
import { operations } from '../api/routes/index.ts';
import { ApiServer } from '../api/server.ts';
import { stopWithSystem } from '../containers/life/stop.ts';
import { Engine } from '../core/engine.ts';
import { findPrograms } from '../core/programs.ts';
import { layerLimits } from './limits.ts';
import { systemIsStopping, takeListener, tellReady } from './service-manager.ts';

/**
 * `serve [--run DIRECTORY] [--state DIRECTORY] [--socket PATH]`: the engine, until SIGTERM or SIGINT. Containers run on,
 * unless the whole system ends. A service manager may have opened the socket.
 */
export async function serveEngine(words: string[]): Promise<void> {
  const inherited = takeListener();
  const { run, state, socket } = optionsOf(words, inherited !== undefined);
  // One thing that goes wrong must not take the others with it.
  process.on('unhandledRejection', (error) =>
    process.stderr.write(`proad: nobody waited for this: ${describe(error)}\n`),
  );
  // Whoever may write to the socket is as good as root: whatever mask the caller has, others never may.
  process.umask(0o022);
  await using engine = await Engine.open({
    run,
    state,
    programs: findPrograms(),
    layerLimits: layerLimits(process.env),
  });
  const server = new ApiServer(engine, operations);
  if (inherited !== undefined) await server.listen({ fd: inherited });
  else {
    // The roots are ours: whoever listened there before is gone.
    await rm(socket, { force: true });
    await server.listen({ path: socket });
    await chmod(socket, 0o660);
  }
  engine.events.emit('daemon', 'start', 'proad');
  const stopped = new Promise<void>((stop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop());
  });
  await tellReady();
  await stopped;
  // A manager's own stays, and whoever connects there waits for the next engine.
  if (inherited === undefined) await rm(socket, { force: true });
  await server.close();
  if (await systemIsStopping()) await stopWithSystem(engine);
}

function optionsOf(words: string[], hasSocket: boolean): { run: string; state: string; socket: string } {
  let values: { run?: string | undefined; state?: string | undefined; socket?: string | undefined };
  try {
    const options = { run: { type: 'string' }, state: { type: 'string' }, socket: { type: 'string' } } as const;
    values = parseArgs({ args: words, options }).values;
  } catch (cause) {
    throw new ProaError('serve', { kind: 'invalid', cause });
  }
  if (hasSocket && values.socket !== undefined)
    throw new ProaError('serve: --socket: the service manager has given a socket', { kind: 'invalid' });
  const { run = '/run/proa', state = '/var/lib/proa' } = values;
  const socket = values.socket ?? join(run, 'proad.sock');
  for (const [name, path] of Object.entries({ run, state, socket }))
    if (!path.startsWith('/'))
      throw new ProaError(`serve: --${name}: expected an absolute path, got "${path}"`, { kind: 'invalid' });
  return { run, state, socket };
}
