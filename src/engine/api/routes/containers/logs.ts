import { ProaError } from '#common/errors.ts';
import type { Container } from '../../../containers/container.ts';
import { logSettings } from '../../../containers/life/request.ts';
import { streamFrame, streamType } from '../../../logs/frames.ts';
import { readLog } from '../../../logs/read.ts';
import type { LogRecord } from '../../../logs/record.ts';
import { writeSlowly } from '../../../streams/write.ts';
import { operation } from '../../operation.ts';
import { flag, moment, text } from '../../query.ts';

/** Engine API, "ContainerLogs". */
export const logs = operation({
  method: 'GET',
  path: '/containers/{id}/logs',
  query: {
    follow: flag(),
    stdout: flag(),
    stderr: flag(),
    since: moment,
    until: moment,
    timestamps: flag(),
    tail: text,
    details: flag(),
  },
  async answer({ engine, params: { id = '' }, query, response, signal, version }) {
    const container = engine.containers.find(id);
    const { stdout, stderr, since, until, follow } = query;
    if (!stdout && !stderr)
      throw new ProaError('Bad parameters: you must choose at least one stream', { kind: 'invalid' });
    const settings = logSettings(container.record, engine.records.directory(container.id));
    if (settings.format !== 'json-file')
      throw new ProaError('configured logging driver does not support reading', { kind: 'unsupported' });
    const tty = container.record.config.Tty ?? false;
    const records = readLog(
      settings.path,
      { stdout, stderr, since, until, tail: tailOf(query.tail) },
      follow ? { isLive: () => container.isRunning, ended: endOf(container, signal), signal } : undefined,
    );
    response.writeHead(200, { 'Content-Type': streamType({ tty, version }) });
    response.flushHeaders();
    for await (const record of records) {
      if (signal.aborted) break;
      const line = Buffer.from(lineOf(record, query));
      await writeSlowly(response, tty ? line : streamFrame(record.stream, line), signal);
    }
    response.end();
    return undefined;
  },
});

function endOf(container: Container, signal: AbortSignal): Promise<unknown> {
  return container.hasMonitor ? container.nextGone(signal) : Promise.resolve();
}

/** Details are what a log driver was told to keep of labels and variables: none can be, and their place stays empty. */
function lineOf({ time, log }: LogRecord, { timestamps, details }: { timestamps: boolean; details: boolean }): string {
  const line = details ? ` ${log}` : log;
  return timestamps ? `${time} ${line}` : line;
}

/** `all`, or a number; what is none means all. */
function tailOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
