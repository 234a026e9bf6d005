import { binarySize, decimalSize } from '#common/units/sizes.ts';
import { sleep } from '#loop/events.ts';
import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { type Listing, printList } from '../format/listing.ts';
import { shortId } from '../format/text.ts';

interface CpuStats {
  cpu_usage?: { total_usage?: number };
  system_cpu_usage?: number;
  online_cpus?: number;
}

interface Sample {
  id?: string;
  name?: string;
  cpu_stats?: CpuStats;
  precpu_stats?: CpuStats;
  memory_stats?: { usage?: number; limit?: number; stats?: Record<string, number> | null };
  pids_stats?: { current?: number };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }> | null;
  blkio_stats?: { io_service_bytes_recursive?: { op: string; value: number }[] | null };
}

const DIGITS = 3;

function listing(complete: boolean): Listing<Sample> {
  const id = ({ id: text = '' }: Sample) => (complete ? text : shortId(text));
  const percent = (value: number) => `${value.toFixed(2)}%`;
  return {
    usual: ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'],
    columns: {
      BlockIO: {
        header: 'BLOCK I/O',
        value: (item) =>
          `${decimalSize(blockBytes(item, 'read'), DIGITS)} / ${decimalSize(blockBytes(item, 'write'), DIGITS)}`,
      },
      CPUPerc: { header: 'CPU %', value: (item) => percent(cpuPercent(item)) },
      Container: { header: 'CONTAINER', value: id },
      ID: { header: 'CONTAINER ID', value: id },
      MemPerc: {
        header: 'MEM %',
        value: (item) => percent(item.memory_stats?.limit ? (memoryBytes(item) / item.memory_stats.limit) * 100 : 0),
      },
      MemUsage: {
        header: 'MEM USAGE / LIMIT',
        value: (item) => `${binarySize(memoryBytes(item))} / ${binarySize(item.memory_stats?.limit ?? 0)}`,
      },
      Name: { header: 'NAME', value: ({ name = '' }) => name.replace(/^\//, '') },
      NetIO: {
        header: 'NET I/O',
        value: ({ networks }) =>
          `${decimalSize(sum(networks, 'rx_bytes'), DIGITS)} / ${decimalSize(sum(networks, 'tx_bytes'), DIGITS)}`,
      },
      PIDs: { header: 'PIDS', value: ({ pids_stats }) => String(pids_stats?.current ?? 0) },
    },
  };
}

function sum(networks: Sample['networks'], field: 'rx_bytes' | 'tx_bytes'): number {
  return Object.values(networks ?? {}).reduce((total, network) => total + network[field], 0);
}

/** Of one CPU, in the time between the two samples. */
function cpuPercent({ cpu_stats: now = {}, precpu_stats: before = {} }: Sample): number {
  const used = (now.cpu_usage?.total_usage ?? 0) - (before.cpu_usage?.total_usage ?? 0);
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  return used > 0 && passed > 0 ? (used / passed) * (now.online_cpus ?? 1) * 100 : 0;
}

/** Without the page cache that the kernel would give back first: as cgroup version 1 and 2 name it. */
function memoryBytes({ memory_stats: { usage = 0, stats } = {} }: Sample): number {
  const cache = stats?.['total_inactive_file'] ?? stats?.['inactive_file'] ?? 0;
  return cache < usage ? usage - cache : usage;
}

function blockBytes({ blkio_stats }: Sample, operation: string): number {
  return (blkio_stats?.io_service_bytes_recursive ?? [])
    .filter(({ op }) => op.toLowerCase() === operation)
    .reduce((total, { value }) => total + value, 0);
}

const CLEAR_SCREEN = '\x1b[2J\x1b[H';
const REFRESH_MILLISECONDS = 500;

export const command = defineCommand({
  usage: '[CONTAINER...]',
  summary: 'Show what containers use, again and again',
  options: {
    all: { kind: 'flag', short: 'a', help: 'Also those that do not run' },
    format: { kind: 'text', help: 'Print by a template, or json' },
    'no-stream': { kind: 'flag', help: 'Only once' },
    'no-trunc': { kind: 'flag', help: 'Shorten nothing' },
  },
  least: 0,
  subject: 'running',

  async run(session, { options, words }) {
    const { engine, loop } = session;
    const running = async () =>
      (await engine.get<{ Id: string }[]>('/containers/json', { all: options.all || undefined })).map(({ Id }) => Id);
    for (;;) {
      const names = words.length > 0 ? words : await running();
      const samples = await Promise.all(
        names.map((name) => engine.get<Sample>(containerPath(name, 'stats'), { stream: false })),
      );
      if (!options['no-stream'] && options.format === undefined) session.print(CLEAR_SCREEN);
      printList(session, samples, listing(options['no-trunc']), { format: options.format });
      if (options['no-stream']) return 0;
      await sleep(loop, REFRESH_MILLISECONDS);
    }
  },
});
