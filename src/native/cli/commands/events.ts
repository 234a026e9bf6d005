import { parseJson } from '#common/json/parse.ts';
import { lazy } from '#common/lazy.ts';
import { defineCommand } from '../command.ts';
import { filterQuery } from '../filters.ts';
import type * as templates from '../format/templates.ts';
import { localTimestamp } from '../format/text.ts';
import { LineReader } from '../streams/lines.ts';
import { apiTime } from '../times.ts';

interface EngineEvent {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> | null };
  time: number;
  timeNano: number | bigint;
}

export const command = defineCommand({
  usage: '',
  summary: 'Show what happens in the engine',
  options: {
    filter: { kind: 'list', short: 'f', help: 'Only those that match (NAME=VALUE)' },
    format: { kind: 'text', help: 'Print by a template, or json' },
    since: { kind: 'text', help: 'From this time on, or so long ago (2026-01-02T13:23:37Z, 42m)' },
    until: { kind: 'text', help: 'Up to this time' },
  },
  least: 0,
  most: 0,
  subject: 'nothing',

  async run(session, { options }) {
    const { format } = options;
    const { body } = await session.engine.open('GET', '/events', {
      query: { since: apiTime(options.since), until: apiTime(options.until), filters: filterQuery(options.filter) },
    });
    const reader = new LineReader(() => body.read());
    for (let line = await reader.next(); line !== undefined; line = await reader.next()) {
      if (line.trim() === '') continue;
      if (format === 'json') session.print(`${line}\n`);
      else {
        const event = parseJson(line) as EngineEvent;
        session.print(
          `${format ? lazy<typeof templates>('cli-templates')().formatItem(withGoNames(event), format) : textOfEvent(event)}\n`,
        );
      }
    }
    return 0;
  },
});

/** Templates name the times as Go does. */
function withGoNames(event: EngineEvent): unknown {
  return { ...event, Time: event.time, TimeNano: event.timeNano };
}

function textOfEvent({ Type, Action, Actor, timeNano }: EngineEvent): string {
  const attributes = Object.entries(Actor.Attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
  return `${localTimestamp(BigInt(timeNano))} ${Type} ${Action} ${Actor.ID}${attributes === '' ? '' : ` (${attributes})`}`;
}
