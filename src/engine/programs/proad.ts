import { describe, ProaError, remedyOf } from '#common/errors.ts';
import { serveRegistry } from '../registry-server/command.ts';

/** What the engine's program can be told to do. */
const commands: Record<string, (words: string[]) => Promise<void>> = {
  'registry serve': serveRegistry,
};

async function main(words: string[]): Promise<void> {
  const name = words.slice(0, 2).join(' ');
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    throw new ProaError(`unknown command "${name}"`, {
      kind: 'invalid',
      remedy: `There is: ${Object.keys(commands).join(', ')}`,
    });
  }
  await command(words.slice(2));
}

main(process.argv.slice(2)).catch((error) => {
  const remedy = remedyOf(error);
  process.stderr.write(`proad: ${describe(error)}\n${remedy ? `  try  ${remedy}\n` : ''}`);
  process.exitCode = 1;
});
