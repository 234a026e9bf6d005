import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ProaError } from '#common/errors.ts';
import type { Container } from '../../../containers/container.ts';
import { isCode } from '../../../images/content/errors.ts';
import { ok, operation } from '../../operation.ts';
import { text } from '../../query.ts';

/** Engine API, "ContainerTop": what the machine's ps(1) says of the container's processes. */
export const top = operation({
  method: 'GET',
  path: '/containers/{id}/top',
  query: { ps_args: text },
  async answer({ engine, params: { id = '' }, query: { ps_args: args = '-ef' } }) {
    const container = engine.containers.find(id);
    if (!container.isRunning || container.state?.pid === undefined)
      throw new ProaError(`Container ${container.id} is not running`, { kind: 'conflict' });
    const output = await ps(args);
    return ok(selectProcesses(output, new Set(processesOf(container))));
  },
});

async function ps(args: string): Promise<string> {
  // Its own words, never a shell's: they come from a client.
  const words = args.split(/\s+/).filter(Boolean);
  try {
    return (await promisify(execFile)('ps', words, { maxBuffer: 1 << 26 })).stdout;
  } catch (cause) {
    throw new ProaError(`ps ${args}`, { kind: 'invalid', cause });
  }
}

function processesOf(container: Container): number[] {
  const { state } = container;
  const directory = state?.cgroup && Object.values(state.cgroup.directories)[0];
  if (directory === undefined) return state?.pid === undefined ? [] : [state.pid];
  try {
    return readFileSync(join(directory, 'cgroup.procs'), 'utf8').trim().split('\n').map(Number);
  } catch (error) {
    // It has ended meanwhile; a cgroup that is just being removed has no file to be read.
    if (isCode(error, 'ENOENT', 'ENODEV')) throw container.notRunning();
    throw error;
  }
}

/** Rows are cut at blanks, as many as there are titles; the last has the rest. */
export function selectProcesses(
  output: string,
  pids: ReadonlySet<number>,
): { Titles: string[]; Processes: string[][] } {
  const [head = '', ...lines] = output.split('\n').filter(Boolean);
  const titles = head.trim().split(/\s+/);
  const column = titles.indexOf('PID');
  if (column < 0) throw new ProaError("Couldn't find PID field in ps output", { kind: 'invalid' });
  const rows = lines.map((line) => {
    const words = line.trim().split(/\s+/);
    return [...words.slice(0, titles.length - 1), words.slice(titles.length - 1).join(' ')];
  });
  return { Titles: titles, Processes: rows.filter((row) => pids.has(Number(row[column]))) };
}
