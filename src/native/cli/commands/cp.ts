import { ProaError } from '#common/errors.ts';
import { decimalSize } from '#common/units/sizes.ts';
import { windowSize } from '#sys/terminals.ts';
import { defineCommand } from '../command.ts';
import { copyIn, copyOut } from '../copy/copy.ts';

export const command = defineCommand({
  usage: 'CONTAINER:SOURCE_PATH TARGET_PATH|-\n        proa cp [OPTIONS] SOURCE_PATH|- CONTAINER:TARGET_PATH',
  summary: 'Copy files between a container and the host; "-" is a tar archive on a standard stream',
  options: {
    archive: { kind: 'flag', short: 'a', help: 'Keep the numbers of users and groups' },
    'follow-link': { kind: 'flag', short: 'L', help: 'Copy what a link at the end of the source leads to' },
    quiet: { kind: 'flag', short: 'q', help: 'Do not say what was copied' },
  },
  least: 2,
  most: 2,
  subject: 'container',

  async run(session, { options, given, words: [from = '', to = ''] }) {
    const source = parsePlace(from);
    const target = parsePlace(to);
    const { archive, 'follow-link': follow } = options;
    // An empty one would be the working directory, with all that is in it.
    for (const [what, { path }] of Object.entries({ source, destination: target }))
      if (path === '') throw new ProaError(`${what} can not be empty`, { kind: 'invalid' });
    let size: number;
    if (source.container !== undefined && target.container !== undefined)
      throw new ProaError('copying between containers is not supported', { kind: 'unsupported' });
    if (source.container !== undefined)
      size = await copyOut(session, { container: source.container, path: source.path, target: to, follow });
    else if (target.container !== undefined)
      size = await copyIn(session, { container: target.container, path: target.path, source: from, archive, follow });
    else throw new ProaError('must specify at least one container source', { kind: 'invalid' });
    const quiet = given.has('quiet') ? options.quiet : !windowSize(1);
    if (!quiet && to !== '-') session.warn(`Successfully copied ${decimalSize(size, 4)} to ${to}`);
    return 0;
  },
});

/** `CONTAINER:PATH`; what begins with a slash or a dot is a path of ours, whatever colons it has. */
function parsePlace(text: string): { container: string | undefined; path: string } {
  const colon = text.indexOf(':');
  if (text.startsWith('/') || text.startsWith('.') || colon < 1) return { container: undefined, path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}
