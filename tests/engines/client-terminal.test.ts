// Terminals and signals of `proa` and of `docker`: for both, what is typed or sent arrives, and the terminal is as before.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clients, image, lines, ok, openClients, run, site, until } from './clients.ts';

before(() => openClients('client-terminal'));

after(() => site?.end());

/** A client's process among the peers, by a word of its command line. */
function pidOf(word: string): string {
  const found = site.run([
    'sh',
    '-c',
    `for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q '^[^ ]*\\(proa\\|docker\\) .*${word}' && echo \${p#/proc/}; done`,
  ]);
  return found.stdout.trim().split('\n').at(-1) as string;
}

for (const client of clients)
  test(`${client}: signals go to the container`, async () => {
    const name = `${client}-signal`;
    const script = 'trap "echo got; exit 9" INT; echo up; while :; do sleep 0.1; done';
    const child = site.start([...lines[client], ...run, '--name', name, image, 'sh', '-c', script]);
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    const status = new Promise((done) => child.once('close', done));
    await until(() => output.includes('up'));
    site.run(['kill', '-INT', pidOf(name)]);
    assert.equal(await status, 9);
    assert.equal(output, 'up\ngot\n');
  });

/** A client behind a terminal: what is typed when, and what the terminal showed and was before and afterwards. */
async function atTerminal(words: readonly string[], steps: readonly [seen: string, typed: string | (() => void)][]) {
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const line = `stty rows 33 cols 101; stty -g; ${quoted}; echo "status $?"; stty -g`;
  const child = site.start(['script', '-q', '-e', '-c', line, '/dev/null']);
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const closed = new Promise((done) => child.once('close', done));
  for (const [seen, typed] of steps) {
    await until(() => output.includes(seen));
    if (typeof typed === 'string') child.stdin.write(typed);
    else typed();
  }
  await until(() => /status \d+\s+\S+\s*$/.test(output));
  child.stdin.end();
  await closed;
  const modes = output.match(/^[0-9a-f]+(:[0-9a-f]+)+/gm) ?? [];
  return { output, modes, status: Number(/status (\d+)/.exec(output)?.[1]) };
}

for (const client of clients) {
  const shell = [...run, '-it', '--name', `${client}-terminal`, image, 'sh'];

  test(`${client}: a terminal has the window's size, and is as before at the end`, async () => {
    const { output, modes, status } = await atTerminal(
      [...lines[client], ...shell],
      [
        ['# ', 'stty size; echo A"B"\r'],
        ['AB', 'exit 5\r'],
      ],
    );
    assert.match(output, /33 101/);
    assert.equal(status, 5);
    assert.equal(modes.length, 2);
    assert.equal(modes[0], modes[1]);
  });

  test(`${client}: the detach keys leave the container running`, async () => {
    const { modes, status } = await atTerminal([...lines[client], ...shell], [['# ', '\x10\x11']]);
    assert.equal(status, 0);
    assert.equal(modes[0], modes[1]);
    assert.equal(ok(client, 'inspect', '-f', '{{.State.Running}}', `${client}-terminal`), 'true');
    const attach = ['attach', '--detach-keys', 'ctrl-x,x', `${client}-terminal`];
    const again = await atTerminal(
      [...lines[client], ...attach],
      [
        ['', 'echo C"D"\r'],
        ['CD', '\x18x'],
      ],
    );
    assert.equal(again.modes[0], again.modes[1]);
    ok(client, 'rm', '-f', `${client}-terminal`);
  });
}

test('proa: a signal that ends the client leaves the terminal as it was', async () => {
  const name = 'proa-ended';
  const words = [...lines.proa, 'run', '-it', '--name', name, '--network', 'none', image, 'sh'];
  const { modes, status } = await atTerminal(words, [['# ', () => site.run(['kill', '-TERM', pidOf(name)])]]);
  assert.equal(status, 143);
  assert.equal(modes[0], modes[1]);
  ok('proa', 'rm', '-f', name);
});
