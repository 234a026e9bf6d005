// `proa` against `docker`, both on one dockerd: the same words give the same output, the same status and leave the same
// behind. What differs from run to run (ids, times, addresses) is made equal before it is compared.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { by, type Client, clients, image, lines, ok, openClients, run, same, site, usual } from './clients.ts';
import type { Outcome } from './support.ts';

before(() => openClients('client'));

after(() => site?.end());

test('run gives output, errors and status', () => {
  assert.deepEqual(same([...run, image, 'echo', 'hello']), { status: 0, stdout: 'hello', stderr: '' });
  const both = same([...run, image, 'sh', '-c', 'echo out; echo err >&2; exit 7']);
  assert.deepEqual(both, { status: 7, stdout: 'out', stderr: 'err' });
  assert.equal(same([...run, '--init', image, 'sh', '-c', 'kill -9 $$']).status, 137);
  assert.equal(same([...run, '-i', image, 'cat'], { input: 'piped' }).stdout, 'piped');
  assert.equal(same([...run, image, 'cat'], { input: 'not passed' }).stdout, '');
  assert.equal(same([...run, '-a', 'stderr', image, 'sh', '-c', 'echo out; echo err >&2']).stdout, '');
});

test('run leaves with 125, 126 and 127 as Docker does', () => {
  assert.equal(same([...run, image, 'nosuch']).status, 127);
  assert.equal(same([...run, image, '/etc/no-program']).status, 126);
  assert.equal(same([...run, '--nosuch', image]).status, 125);
  assert.equal(same([...run, '--pull', 'never', 'no-such-image', 'true']).status, 125);
  assert.equal(same([...run, '-v', 'name:relative', image, 'true']).status, 125);
  assert.equal(same([...run, '-it', image, 'true']).status, 1);
  assert.equal(same([...run, '--device', '/dev/nosuch', image, 'true']).status, 127);
});

test('a wrong value in a file, or a file that is missing, is a wrong option', () => {
  for (const words of [
    ['--env-file', '/none'],
    ['--label-file', '/none'],
    ['--security-opt', 'seccomp=/none'],
    ['--health-cmd', 'true', '--no-healthcheck'],
  ])
    for (const client of clients) assert.equal(by(client, [...run, ...words, image, 'true']).status, 125, words.join());
});

test('the file of an id is there as long as its container, and before it', () => {
  for (const client of clients) {
    const file = join(site.work, `${client}-id`);
    const unstarted = [...run.filter((word) => word !== '--rm'), '--name', `${client}-id`, '--cidfile'];
    assert.equal(by(client, [...unstarted, file, image, 'nosuch']).status, 127);
    assert.equal(readFileSync(file, 'utf8'), ok(client, 'inspect', '--format', '{{.Id}}', `${client}-id`));
    ok(client, 'rm', `${client}-id`);
    rmSync(file);
    assert.equal(by(client, [...unstarted, file, '--cap-add', 'none', image, 'true']).status, 125);
    assert.equal(existsSync(file), false);
    assert.notEqual(by(client, [...unstarted, '/none/id', image, 'true']).status, 0);
    assert.notEqual(by(client, ['inspect', `${client}-id`]).status, 0);
  }
});

test('options reach the container', () => {
  const show =
    'id; pwd; hostname; echo $A $B; cat /proc/self/limits | grep open; grep NoNewPrivs /proc/self/status; ls /data; df /t | tail -1; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null';
  const { stdout } = same(
    [
      ...['run', '--rm', '--network', 'none', '-u', '1000:1000', '-w', '/tmp', '-h', 'named', '-e', 'A=1', '-e', 'B'],
      ...['--ulimit', 'nofile=100:200', '--security-opt', 'no-new-privileges', '-v', '/etc:/data:ro', '-m', '64m'],
      ...['--tmpfs', '/t:size=1m', '--cap-drop', 'ALL', '--label', 'x=y', '--init', image, 'sh', '-c', show],
    ],
    { env: { B: '2' } },
  );
  assert.match(stdout, /uid=1000.*\n\/tmp\nnamed\n1 2\n/);
});

test('inspect shows that both clients ask for the same', () => {
  const options = [
    ...['--name', 'CLIENT-same', '--network', 'none', '--restart', 'on-failure:2', '--cpus', '1.5', '--memory', '64m'],
    ...[
      '--memory-swap',
      '-1',
      '--pids-limit',
      '9',
      '--ulimit',
      'core=0',
      '--mount',
      'type=tmpfs,target=/m,tmpfs-size=1m',
    ],
    ...[
      '--health-cmd',
      'true',
      '--health-interval',
      '1m',
      '--stop-signal',
      'INT',
      '--stop-timeout',
      '3',
      '--label',
      'a=b',
    ],
    ...['--log-opt', 'max-size=1m', '--device', '/dev/null:/dev/x:r', '--add-host', 'h:1.2.3.4', '--dns', '1.1.1.1'],
    ...['--sysctl', 'kernel.msgmax=1000', '--shm-size', '1m', '--read-only', '--entrypoint', 'sh', '--group-add', '5'],
    ...['-v', '/anonymous', '-v', 'CLIENT-volume:/named', '--expose', '90', '--oom-score-adj', '5', '-i', '-t'],
  ];
  same(['create', ...options, image, '-c', 'true']);
  const parts = [
    '.Config',
    '.HostConfig.RestartPolicy',
    '.HostConfig.Memory',
    '.HostConfig.MemorySwap',
    '.HostConfig.Mounts',
  ];
  for (const part of parts) same(['inspect', '-f', `{{json ${part}}}`, 'CLIENT-same']);
  const host = (client: Client) => {
    const found = JSON.parse(ok(client, 'inspect', '-f', '{{json .HostConfig}}', `${client}-same`));
    // What was not asked for one writes as nothing and the other not at all; the window is whoever's.
    delete found.ConsoleSize;
    return usual(JSON.stringify(found, (_, value) => (isEmpty(value) ? null : value)));
  };
  assert.equal(host('proa'), host('docker'));
  same(['rm', '-v', 'CLIENT-same']);
  same(['volume', 'rm', 'CLIENT-volume']);
});

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

test('a container’s life, verb by verb', () => {
  const words = ['run', '-d', '--name', 'CLIENT-life', '--network', 'none', '--label', 'l=v', image, 'sh', '-c'];
  same([...words, 'trap "exit 3" TERM; echo said; sleep 0.3; echo wrong >&2; while :; do sleep 0.1; done']);
  spawnSync('sleep', '2');
  const only = ['--filter', 'name=CLIENT-life'];
  same(['ps', ...only]);
  same(['ps', '-a', '--no-trunc', ...only]);
  same(['ps', '-q', '--size', ...only]);
  for (const format of [
    'json',
    '{{json .}}',
    '{{.Names}} {{.State}}',
    'table {{.ID}}\\t{{.Names}}\\t{{.Label "l"}}',
    '{{upper .Image}}',
  ])
    same(['ps', ...only, '--format', format]);
  same(['logs', 'CLIENT-life']);
  same(['logs', '--tail', '1', 'CLIENT-life']);
  same(['logs', '-t', '--since', '1h', 'CLIENT-life']);
  same(['logs', '--until', '1h', 'CLIENT-life']);
  same(['exec', 'CLIENT-life', 'sh', '-c', 'echo e; echo $X; exit 4']);
  same(['exec', '-e', 'X=y', '-u', 'someone', '-w', '/tmp', 'CLIENT-life', 'sh', '-c', 'echo $X; id -un; pwd']);
  same(['exec', '-i', 'CLIENT-life', 'cat'], { input: 'in' });
  assert.equal(same(['exec', 'CLIENT-life', 'nosuch']).status, 127);
  assert.equal(same(['exec', '-d', 'CLIENT-life', 'touch', '/tmp/made']).status, 0);
  for (const program of ['nosuch', '/etc']) assert.equal(same(['exec', '-d', 'CLIENT-life', program]).status, 1);
  same(['top', 'CLIENT-life', '-o', 'comm']);
  same(['stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}} {{.NetIO}}', 'CLIENT-life']);
  same(['port', 'CLIENT-life']);
  same(['pause', 'CLIENT-life']);
  same(['ps', ...only]);
  same(['unpause', 'CLIENT-life']);
  same(['rename', 'CLIENT-life', 'CLIENT-other']);
  same(['rename', 'CLIENT-other', 'CLIENT-life']);
  assert.equal(same(['rename', 'CLIENT-life', 'CLIENT-life']).status, 1);
  same(['update', '--pids-limit', '50', 'CLIENT-life']);
  same(['stop', '-t', '5', 'CLIENT-life']);
  assert.equal(same(['wait', 'CLIENT-life']).stdout, '3');
  same(['diff', 'CLIENT-life']);
  same(['commit', '-m', 'words', 'CLIENT-life', 'CLIENT-image:1']);
  same(['history', 'CLIENT-image:1']);
  // The two images may share a layer, which goes with the last one.
  for (const client of clients)
    assert.match(ok(client, 'rmi', `${client}-image:1`), /^Untagged: \S+-image:1\nDeleted: sha256:/);
  same(['start', 'CLIENT-life']);
  same(['restart', '-t', '1', 'CLIENT-life']);
  same(['kill', '-s', 'KILL', 'CLIENT-life']);
  same(['ps', '-a', ...only]);
  same(['rm', 'CLIENT-life']);
  for (const verb of [
    'rm',
    'stop',
    'kill',
    'start',
    'wait',
    'pause',
    'logs',
    'top',
    'inspect',
    'restart',
    'diff',
    'attach',
  ])
    assert.equal(same([verb, 'no-such-container']).status, 1, verb);
  assert.equal(same(['rm', '-f', 'no-such-container']).status, 0);
});

function spawnSync(program: string, ...words: string[]): void {
  execFileSync(program, words);
}

test('images and volumes', () => {
  same(['images', image]);
  same(['images', '-q', '--no-trunc', image]);
  same(['images', '--digests', image]);
  same(['images', '--format', '{{.VirtualSize}}', image]);
  same(['version', '--format', '{{.Client.APIVersion}} {{.Server.APIVersion}}']);
  same(['images', '--format', '{{.Repository}}:{{.Tag}} {{.Size}} {{.ID}}', image]);
  same(['image', 'inspect', image]);
  same(['image', 'inspect', '-f', '{{.Architecture}} {{len .RootFS.Layers}}', image]);
  same(['history', '--no-trunc', '--format', '{{.CreatedBy}}|{{.Comment}}|{{.Size}}', image]);
  same(['tag', image, 'CLIENT-tag:x']);
  same(['rmi', 'CLIENT-tag:x']);
  assert.equal(same(['rmi', 'no-such-image']).status, 1);
  assert.equal(same(['image', 'inspect', 'no-such-image']).status, 1);
  same(['volume', 'create', '--label', 'a=b', 'CLIENT-volume']);
  same(['volume', 'ls', '--filter', 'name=CLIENT-volume']);
  same(['volume', 'ls', '-q', '--filter', 'name=CLIENT-volume']);
  same(['volume', 'inspect', '-f', '{{.Name}} {{.Labels}}', 'CLIENT-volume']);
  same(['volume', 'rm', 'CLIENT-volume']);
  assert.equal(same(['volume', 'rm', 'CLIENT-volume']).status, 1);
  for (const client of clients) {
    ok(client, 'volume', 'create');
    assert.match(
      usual(ok(client, 'volume', 'prune', '-f')),
      /^Deleted Volumes:\nID\n(ID\n)*\nTotal reclaimed space: 0B$/,
    );
  }
  for (const client of clients) {
    ok(client, 'create', image, 'true');
    assert.match(
      usual(ok(client, 'container', 'prune', '-f')),
      /^Deleted Containers:\nID\n(ID\n)*\nTotal reclaimed space: 0B$/,
    );
  }
  same(['image', 'prune', '-f']);
});

test('save, load, export and import carry the same files', () => {
  const file = (client: Client, name: string) => join(site.work, `${client}-${name}.tar`);
  for (const client of clients) {
    ok(client, 'save', '-o', file(client, 'saved'), image);
    ok(client, 'create', '--name', `${client}-export`, image, 'true');
    ok(client, 'export', '-o', file(client, 'exported'), `${client}-export`);
    ok(client, 'rm', `${client}-export`);
  }
  const list = (client: Client, name: string) => execFileSync('tar', ['tf', file(client, name)], { encoding: 'utf8' });
  for (const name of ['saved', 'exported']) assert.equal(list('proa', name), list('docker', name), name);
  same(['load', '-i', file('docker', 'saved')]);
  same(['load', '-q'], { input: '' });
});

test('cp copies in both directions as Docker does', () => {
  const work = join(site.work, 'copy');
  mkdirSync(join(work, 'source/sub'), { recursive: true });
  writeFileSync(join(work, 'source/file'), 'content');
  writeFileSync(join(work, 'source/sub/deep'), 'x'.repeat(100_000), { mode: 0o640 });
  execFileSync('ln', ['-s', 'file', join(work, 'source/link')]);
  same(['run', '-d', '--name', 'CLIENT-copy', '--network', 'none', image, 'sleep', '1000']);
  const source = join(work, 'source');
  const list = () =>
    same(['exec', 'CLIENT-copy', 'sh', '-c', 'cd /tmp; find . | sort; ls -ln . *; cat */sub/deep | wc -c']);
  for (const [from, to] of [
    [source, 'CLIENT-copy:/tmp'],
    [source, 'CLIENT-copy:/tmp/renamed'],
    [`${source}/.`, 'CLIENT-copy:/tmp/contents'],
    [`${source}/file`, 'CLIENT-copy:/tmp'],
    [`${source}/file`, 'CLIENT-copy:/tmp/name'],
    [`${source}/link`, 'CLIENT-copy:/tmp/copied-link'],
    [`${source}/file`, 'CLIENT-copy:/no/such/directory'],
    [source, 'CLIENT-copy:/tmp/file'],
  ] as const)
    same(['cp', from, to]);
  same(['cp', '-L', `${source}/link`, 'CLIENT-copy:/tmp/followed']);
  same(['cp', '-a', source, 'CLIENT-copy:/tmp/archive']);
  list();
  for (const client of clients) {
    const out = join(work, client);
    mkdirSync(out);
    const copy = (...words: string[]) => by(client, ['cp', ...words.map((word) => word.replaceAll('CLIENT', client))]);
    for (const [from, to] of [
      ['CLIENT-copy:/tmp/source', out],
      ['CLIENT-copy:/tmp/source', `${out}/renamed`],
      ['CLIENT-copy:/tmp/source/.', `${out}/contents`],
      ['CLIENT-copy:/tmp/source/link', out],
      ['CLIENT-copy:/tmp/name', `${out}/other`],
    ] as const)
      assert.equal(copy(from, to).status, 0, from);
    assert.equal(copy('-L', 'CLIENT-copy:/tmp/source/link', `${out}/followed`).status, 0);
    assert.equal(copy('CLIENT-copy:/no/such', out).status, 1);
    assert.equal(copy('CLIENT-copy:/tmp/source', `${out}/other`).status, 1);
  }
  assert.equal(
    execFileSync('diff', ['-r', '--no-dereference', join(work, 'docker'), join(work, 'proa')], { encoding: 'utf8' }),
    '',
  );
  same(['cp', '', 'CLIENT-copy:/tmp']);
  assert.match(by('proa', ['cp', 'proa-copy:', work]).stderr, /source can not be empty/);
  const stream = by('proa', ['cp', 'proa-copy:/tmp/source', '-']);
  writeFileSync(join(work, 'stream.tar'), stream.stdout);
  assert.match(execFileSync('tar', ['tf', join(work, 'stream.tar')], { encoding: 'utf8' }), /source\/sub\/deep/);
  same(['rm', '-f', 'CLIENT-copy']);
  rmSync(work, { recursive: true });
});

test('events are told in the same words', () => {
  const since = String(Math.floor(Date.now() / 1000));
  for (const client of clients)
    ok(client, 'run', '--rm', '--network', 'none', '--name', `${client}-event`, image, 'true');
  const until = String(Math.floor(Date.now() / 1000) + 1);
  const words = ['events', '--since', since, '--until', until, '--filter', 'container=docker-event'];
  same(words);
  same([...words, '--format', '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}']);
});

test('wrong words are refused in the same way', () => {
  for (const words of [
    ['rm'],
    ['ps', 'x'],
    ['ps', '--nosuch'],
    ['run'],
    ['exec', 'x'],
    ['rename', 'x'],
    ['run', '-m', 'abc', image],
    ['run', '--ulimit'],
    ['nosuch'],
  ]) {
    const [theirs, ours] = clients.map((client) => by(client, words)) as [Outcome, Outcome];
    assert.equal(ours.status, theirs.status, words.join(' '));
    assert.equal(usual(ours.stderr).split('\n')[0], usual(theirs.stderr).split('\n')[0], words.join(' '));
  }
});

test('100 MB go through standard input and output unharmed', async () => {
  const child = site.start([...lines.proa, ...run, '-i', image, 'cat']);
  const hash = createHash('sha256');
  let size = 0;
  child.stdout.on('data', (data: Buffer) => {
    hash.update(data);
    size += data.length;
  });
  const wanted = createHash('sha256');
  const block = Buffer.alloc(1 << 20, 'proa ');
  for (let count = 0; count < 100; count++) {
    block.writeUInt32LE(count);
    wanted.update(block);
    if (!child.stdin.write(Buffer.from(block))) await new Promise((done) => child.stdin.once('drain', done));
  }
  child.stdin.end();
  const status = await new Promise((done) => child.once('close', done));
  assert.deepEqual([status, size, hash.digest('hex')], [0, 100 << 20, wanted.digest('hex')]);
});

test('completion offers commands, options and names', () => {
  const words = (...line: string[]) =>
    site
      .run([...lines.proa, 'completion', 'words', '--', ...line])
      .stdout.trim()
      .split('\n');
  assert.ok(words('ru').includes('run'));
  assert.deepEqual(words('volume', 'cr'), ['create']);
  assert.ok(words('run', '--na').includes('--name'));
  assert.deepEqual(words('run', '--pull', 'a'), ['always']);
  assert.ok(words('rmi', 'client').includes(`${image}:latest`));
});
