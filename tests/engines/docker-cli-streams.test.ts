// What goes through Docker's own client on our engine: standard streams, terminals, logs, files, events.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { repositoryInside } from '../../tools/peers.mjs';
import { cli, endDockerCli, ok, openDockerCli, site, words } from './docker-cli.ts';

const image = 'proa/base';
type Step = ['wait' | 'type', string] | ['size', number, number] | ['signal' | 'pause', number];

before(() => openDockerCli('docker-streams'));
after(endDockerCli);

const run = (...line: string[]) => cli(['run', '--rm', '--network', 'none', ...line]);

/** A container that runs until `body` is over. */
function withContainer(options: string[], line: string[], body: (id: string) => void): void {
  const id = ok('run', '-d', '--network', 'none', ...options, image, ...line);
  try {
    body(id);
  } finally {
    cli(['rm', '-f', '-v', id]);
  }
}

/** In a terminal, with somebody who acts. */
function inTerminal(steps: Step[], ...line: string[]) {
  return site.run([
    'python3',
    `${repositoryInside}/tests/engines/terminal.py`,
    JSON.stringify(steps),
    ...words,
    ...line,
  ]);
}

function until(holds: () => boolean): void {
  for (const end = Date.now() + 10_000; !holds(); site.run(['sleep', '0.1']))
    assert.ok(Date.now() < end, 'it did not come true in time');
}

test('run ends with the program’s status, and with 125, 126, 127 where there is none', () => {
  for (const [status, ...line] of [
    [0, image, 'true'],
    [7, image, 'sh', '-c', 'exit 7'],
    [125, '--memory', '1k', image, 'true'],
    [125, '--cpuset-cpus', '900', image, 'true'],
    [126, image, '/etc'],
    [127, image, 'no-such-program'],
  ] as const) {
    const outcome = run(...line);
    assert.equal(outcome.status, status, `${line.join(' ')}: ${outcome.stderr}`);
  }
  assert.equal(ok('ps', '-aq'), '');
});

test('run --init: who is killed inside is told as 137', () => {
  assert.equal(run('--init', image, 'sh', '-c', 'kill -9 $$').status, 137);
});

test('run -i takes 100 MB and gives them back', { timeout: 120_000 }, () => {
  const block = createHash('sha512').update('proa').digest();
  const input = Buffer.concat(Array.from({ length: (100 << 20) / block.length }, () => block));
  writeFileSync(join(site.work, 'input'), input);
  const line = `${words.join(' ')} run -i --rm --network none ${image} cat < ${site.work}/input | sha256sum`;
  const { stdout, stderr } = site.run(['sh', '-c', line], { seconds: 110 });
  assert.equal(stdout.split(' ')[0], createHash('sha256').update(input).digest('hex'), stderr);
});

test('run and exec lose nothing of what is read slowly', () => {
  const count = (line: string) => site.run(['sh', '-c', `${words.join(' ')} ${line} | (sleep 2; wc -c)`]).stdout.trim();
  const script = "'head -c 30000000 /dev/zero'";
  assert.equal(count(`run --rm --network none ${image} sh -c ${script}`), '30000000');
  withContainer([], ['sleep', '1000'], (id) => {
    assert.equal(count(`exec ${id} sh -c ${script}`), '30000000');
  });
});

test('run -it: a terminal that follows the window, and its keys', () => {
  const { status, stdout } = inTerminal(
    [
      ['wait', '# '],
      // The client looks at its window when the container runs, and only then hears of changes.
      ['pause', 0.5],
      ['size', 41, 123],
      ['type', 'until stty size | grep "41 1"; do sleep 0.1; done\r'],
      ['wait', '41 123'],
      ['type', 'exit 9\r'],
    ],
    'run',
    '-it',
    '--rm',
    '--network',
    'none',
    image,
    'sh',
  );
  assert.equal(status, 9, stdout);
});

test('run -it: ctrl-p ctrl-q leaves it running, attach comes back, ctrl-c is the program’s', () => {
  const leave = inTerminal(
    [
      ['wait', '# '],
      ['type', '\x10\x11'],
    ],
    'run',
    '-it',
    '--name',
    'left',
    '--network',
    'none',
    image,
    'sh',
  );
  assert.equal(leave.status, 0, leave.stdout);
  assert.equal(ok('inspect', '--format', '{{.State.Running}}', 'left'), 'true');
  const back = inTerminal(
    [
      ['wait', '# '],
      ['type', 'echo again $((40+2))\r'],
      ['wait', 'again 42'],
      ['type', 'sleep 1000\r'],
      ['pause', 1],
      ['type', '\x03'],
      ['wait', '# '],
      ['type', 'exit 5\r'],
    ],
    'attach',
    'left',
  );
  assert.equal(back.status, 5, back.stdout);
  ok('rm', 'left');
});

test('run -it --detach-keys takes others', () => {
  const line = ['run', '-it', '--detach-keys', 'ctrl-x,q', '--name', 'other-keys', '--network', 'none', image, 'sh'];
  const { status, stdout } = inTerminal(
    [
      ['wait', '# '],
      ['type', '\x18q'],
    ],
    ...line,
  );
  assert.equal(status, 0, stdout);
  ok('rm', '-f', 'other-keys');
});

test('run passes signals on', () => {
  const script = 'trap "echo heard; exit 3" TERM; echo ready; while :; do sleep 0.1; done';
  const line = `${words.join(' ')} run --rm --name signalled --network none ${image} sh -c '${script}' > ${site.work}/heard & docker=$!
    until grep -q ready ${site.work}/heard; do sleep 0.1; done; kill -TERM $docker; wait $docker`;
  assert.equal(site.run(['sh', '-c', line], { seconds: 30 }).status, 3);
  assert.equal(readFileSync(join(site.work, 'heard'), 'utf8'), 'ready\nheard\n');
});

test('exec has every mode', () => {
  withContainer(['-e', 'OUTER=1', '--user', '1000:1000'], ['sleep', '1000'], (id) => {
    assert.equal(
      ok('exec', '-e', 'WORD=said', '-w', '/tmp', '-u', 'root', id, 'sh', '-c', 'echo $OUTER $WORD; pwd; id -un'),
      '1 said\n/tmp\nroot',
    );
    assert.equal(cli(['exec', '-i', id, 'cat'], { input: 'given' }).stdout, 'given');
    ok('exec', '-d', '-u', '0', id, 'sh', '-c', 'echo done > /tmp/mark');
    until(() => cli(['exec', id, 'cat', '/tmp/mark']).stdout === 'done\n');
    assert.equal(cli(['exec', id, 'sh', '-c', 'exit 6']).status, 6);
    assert.equal(cli(['exec', id, 'no-such-program']).status, 127);
    assert.equal(cli(['exec', id, '/etc']).status, 126);
    const { status, stdout } = inTerminal(
      [
        ['wait', '$ '],
        ['pause', 0.5],
        ['size', 33, 99],
        ['type', 'until stty size | grep "33 9"; do sleep 0.1; done\r'],
        ['wait', '33 99'],
        ['type', 'exit 4\r'],
      ],
      'exec',
      '-it',
      id,
      'sh',
    );
    assert.equal(status, 4, stdout);
  });
});

test('logs: all, the last, since, until, with times, as they come', () => {
  withContainer([], ['sh', '-c', 'for n in 1 2 3; do echo line $n; sleep 1.1; done; echo wrong >&2'], (id) => {
    assert.equal(ok('logs', '-f', id), 'line 1\nline 2\nline 3');
    assert.equal(cli(['logs', id]).stderr, 'wrong\n');
    assert.equal(ok('logs', '--tail', '1', id), '');
    assert.equal(ok('logs', '--tail', '2', id), 'line 3');
    const lines = ok('logs', '-t', id).split('\n');
    const [, second = ''] = lines.map((line) => line.split(' ')[0] ?? '');
    assert.match(second, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.equal(ok('logs', '--since', second, id), 'line 2\nline 3');
    assert.equal(ok('logs', '--until', second, id), 'line 1\nline 2');
    assert.equal(ok('logs', '--since', '10m', id), 'line 1\nline 2\nline 3');
  });
});

test('cp: both ways, and as an archive', () => {
  withContainer([], ['sleep', '1000'], (id) => {
    const place = join(site.work, 'copied');
    mkdirSync(join(place, 'tree/below'), { recursive: true });
    writeFileSync(join(place, 'tree/below/file'), 'content', { mode: 0o751 });
    ok('cp', join(place, 'tree'), `${id}:/tmp`);
    assert.equal(ok('exec', id, 'stat', '-c', '%a', '/tmp/tree/below/file'), '751');
    ok('cp', `${id}:/tmp/tree`, join(place, 'back'));
    assert.equal(readFileSync(join(place, 'back/below/file'), 'utf8'), 'content');
    ok('exec', id, 'ln', '-s', '/tmp/tree/below/file', '/tmp/link');
    ok('cp', '-L', `${id}:/tmp/link`, join(place, 'followed'));
    assert.equal(readFileSync(join(place, 'followed'), 'utf8'), 'content');
    const archive = site.run(['sh', '-c', `${words.join(' ')} cp ${id}:/tmp/tree - | tar -tf -`]);
    assert.deepEqual(archive.stdout.trim().split('\n').sort(), ['tree/', 'tree/below/', 'tree/below/file']);
    site.run(['sh', '-c', `tar -C ${place}/tree -cf - below | ${words.join(' ')} cp - ${id}:/var`]);
    assert.equal(ok('exec', id, 'cat', '/var/below/file'), 'content');
    assert.match(cli(['cp', `${id}:/no/such`, place]).stderr, /could not find the file|no such/i);
    ok('stop', '-t', '0', id);
    ok('cp', join(place, 'tree/below/file'), `${id}:/etc/while-it-does-not-run`);
    assert.match(ok('diff', id), /A \/etc\/while-it-does-not-run/);
  });
});

test('top shows its processes, with the machine’s ps', () => {
  withContainer([], ['sleep', '1000'], (id) => {
    assert.match(ok('top', id), /sleep 1000/);
    assert.equal(ok('top', id, '-o', 'pid,args').split('\n').length, 2);
  });
});

test('events: of a time, of a kind, and as they come', () => {
  const since = String(Math.floor(Date.now() / 1000));
  const watched = ['--filter', 'container=watched'];
  const reading = site.run([
    'sh',
    '-c',
    `timeout 5 ${words.join(' ')} events --filter container=watched --format '{{.Action}}' & sleep 1
     ${words.join(' ')} run --rm --name watched --network none ${image} sh -c 'exit 3' >&2; wait`,
  ]);
  assert.deepEqual(reading.stdout.trim().split('\n'), ['create', 'attach', 'start', 'die', 'destroy']);
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const range = ['events', '--since', since, '--until', until];
  const dies = ok(
    ...range,
    ...watched,
    '--filter',
    'event=die',
    '--format',
    '{{.Actor.Attributes.exitCode}} {{.Actor.Attributes.name}}',
  );
  assert.equal(dies, '3 watched');
  assert.equal(ok(...range, '--filter', 'type=volume'), '');
  for (const line of ok(...range, '--format', '{{json .}}').split('\n')) assert.ok(JSON.parse(line).timeNano > 0);
});
