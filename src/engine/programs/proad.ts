import { describe, kindOf, ProaError, remedyOf } from '#common/errors.ts';
import { ANOTHER_SERVES } from '#common/exit-status.ts';
import { serveRegistry } from '../registry-server/command.ts';
import { checkState } from './check.ts';
import { copyCommand } from './copy.ts';
import { tellWhetherNeeded } from './needed.ts';
import { referrersCommand } from './referrers.ts';
import { serveEngine } from './serve.ts';

/** What the engine's program can be told to do. */
const commands: Record<string, (words: string[]) => Promise<void>> = {
  serve: serveEngine,
  needed: tellWhetherNeeded,
  check: checkState,
  copy: copyCommand,
  referrers: referrersCommand,
  'registry serve': serveRegistry,
};

async function main(words: string[]): Promise<void> {
  const name = Object.keys(commands).find((known) => words.slice(0, known.split(' ').length).join(' ') === known);
  const command = name === undefined ? undefined : commands[name];
  if (name === undefined || !command) {
    throw new ProaError(`unknown command "${words.slice(0, 2).join(' ')}"`, {
      kind: 'invalid',
      remedy: `There is: ${Object.keys(commands).join(', ')}`,
    });
  }
  await command(words.slice(name.split(' ').length));
}

main(process.argv.slice(2)).catch((error) => {
  const remedy = remedyOf(error);
  process.stderr.write(`proad: ${describe(error)}\n${remedy ? `  try  ${remedy}\n` : ''}`);
  process.exitCode = kindOf(error) === 'conflict' ? ANOTHER_SERVES : 1;
});
