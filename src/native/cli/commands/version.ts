import { lazy } from '#common/lazy.ts';
import { version } from '#common/version.ts';
import { defineCommand } from '../command.ts';
import type * as templates from '../format/templates.ts';
import { shortId } from '../format/text.ts';

interface ServerVersion {
  Version: string;
  ApiVersion: string;
  MinAPIVersion?: string;
  GitCommit?: string;
  GoVersion?: string;
  Os: string;
  Arch: string;
  BuildTime?: string;
  Experimental?: boolean;
  Platform?: { Name?: string };
  Components?: { Name: string; Version: string; Details?: Record<string, string> | null }[] | null;
}

/** The newest version of the API that this client knows. */
const API_VERSION = '1.51';

export const command = defineCommand({
  usage: '',
  summary: 'Show the versions of client and engine',
  options: { format: { kind: 'text', short: 'f', help: 'Print by a template, or json' } },
  least: 0,
  most: 0,
  subject: 'nothing',

  async run(session, { options }) {
    const architecture = MACHINE === 'x86-64' ? 'amd64' : 'arm64';
    const client = { Version: version, ApiVersion: API_VERSION, Os: 'linux', Arch: architecture, Context: 'default' };
    let server: ServerVersion | undefined;
    let failure: unknown;
    try {
      server = await session.engine.get<ServerVersion>('/version');
    } catch (error) {
      failure = error;
    }
    if (options.format) {
      const data = { Client: client, ...(server && { Server: server }) };
      session.print(`${lazy<typeof templates>('cli-templates')().formatItem(data, options.format)}\n`);
    } else {
      const lines = [
        'Client:',
        ` Version:    ${client.Version}`,
        ` API version: ${client.ApiVersion}`,
        ` OS/Arch:    ${client.Os}/${client.Arch}`,
        ...(server ? ['', ...serverLines(server)] : []),
      ];
      session.print(`${lines.join('\n')}\n`);
    }
    if (failure) throw failure;
    return 0;
  },
});

function serverLines(server: ServerVersion): string[] {
  const lines = [`Server:${server.Platform?.Name ? ` ${server.Platform.Name}` : ''}`];
  const components = server.Components ?? [];
  const engine = components.find(({ Name }) => Name === 'Engine');
  lines.push(
    ' Engine:',
    ...fieldLines({
      Version: server.Version,
      'API version': `${server.ApiVersion}${server.MinAPIVersion ? ` (minimum version ${server.MinAPIVersion})` : ''}`,
      'Go version': server.GoVersion,
      'Git commit': engine?.Details?.['GitCommit'] ?? server.GitCommit,
      Built: engine?.Details?.['BuildTime'] ?? server.BuildTime,
      'OS/Arch': `${server.Os}/${server.Arch}`,
      Experimental: String(server.Experimental ?? false),
    }),
  );
  for (const { Name, Version, Details } of components) {
    if (Name === 'Engine') continue;
    const commit = Details?.['GitCommit'];
    lines.push(` ${Name}:`, ...fieldLines({ Version, GitCommit: commit && shortId(commit) }));
  }
  return lines;
}

function fieldLines(fields: Record<string, string | undefined>): string[] {
  return Object.entries(fields).flatMap(([name, value]) => (value ? [`  ${`${name}:`.padEnd(17)}${value}`] : []));
}
