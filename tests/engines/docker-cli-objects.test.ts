// Docker's own client on our engine: images and a registry, volumes, lists of containers and what they are made of.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cli, endDockerCli, ok, openDockerCli, site, words } from './docker-cli.ts';
import { startRegistry } from './proad.ts';
import { cgroupFile } from './support.ts';

const image = 'proa/base';

let registry: string;

before(async () => {
  await openDockerCli('docker-objects');
  registry = await startRegistry(site);
});
after(endDockerCli);

function refused(reason: RegExp, ...line: string[]): void {
  const { status, stdout, stderr } = cli(line);
  assert.notEqual(status, 0, stdout);
  assert.match(stderr, reason);
}

const run = (...line: string[]) => ok('run', '--rm', '--network', 'none', ...line);
const runRefused = (reason: RegExp, ...line: string[]) => refused(reason, 'run', '--rm', '--network', 'none', ...line);
const lines = (text: string) => text.split('\n').filter(Boolean).sort();

/** Containers that are there until `body` is over. */
function withContainers(made: string[][], body: (ids: string[]) => void): void {
  const ids = made.map((line) => ok('run', '-d', '--network', 'none', ...line));
  try {
    body(ids);
  } finally {
    cli(['rm', '-f', '-v', ...ids]);
  }
}

test('an image goes to a registry and comes back, by tag, by digest, and all tags', () => {
  const name = `${registry}/team/base`;
  for (const tag of ['1', '2']) ok('tag', image, `${name}:${tag}`);
  const id = ok('inspect', '--format', '{{.Id}}', image);
  assert.match(ok('push', `${name}:1`), /^1: digest: sha256:[0-9a-f]{64} size: \d+$/m);
  assert.match(ok('push', '--all-tags', name), /^2: digest: sha256:/m);
  ok('rmi', `${name}:1`, `${name}:2`);
  const pulled = ok('pull', `${name}:1`);
  assert.match(pulled, new RegExp(`^Status: Downloaded newer image for ${name}:1$`, 'm'));
  const digest = /^Digest: (sha256:[0-9a-f]{64})$/m.exec(pulled)?.[1];
  assert.match(ok('pull', `${name}:1`), /^Status: Image is up to date for/m);
  assert.equal(ok('pull', '--quiet', `${name}@${digest}`), `${name}@${digest}`);
  assert.equal(ok('inspect', '--format', '{{.Id}}', `${name}@${digest}`), id);
  assert.match(ok('images', '--digests', name), new RegExp(String(digest)));
  ok('pull', '--all-tags', name);
  assert.deepEqual(lines(ok('images', '--format', '{{.Tag}}', name)), ['1', '2']);
  // One that is not here is pulled for a run.
  ok('rmi', '-f', `${name}:1`, `${name}:2`);
  assert.equal(run(`${name}:2`, 'echo', 'pulled'), 'pulled');
  ok('rmi', `${name}:2`);
  refused(/MANIFEST_UNKNOWN/, 'pull', `${name}:none`);
  refused(/no such image/, 'push', `${registry}/nothing`);
});

test('images are listed by filters, told of, and removed', () => {
  ok('tag', image, 'listed:one');
  ok('tag', image, 'listed:two');
  assert.deepEqual(lines(ok('images', '--format', '{{.Repository}}:{{.Tag}}', 'listed')), ['listed:one', 'listed:two']);
  assert.equal(ok('images', '--quiet', '--filter', 'reference=listed:o*').split('\n').length, 1);
  assert.equal(ok('images', '--quiet', '--filter', 'dangling=true'), '');
  assert.match(ok('history', '--no-trunc', '--format', '{{.Size}}', 'listed:one'), /^[\d.]+[kM]?B/);
  assert.equal(ok('rmi', 'listed:one'), 'Untagged: listed:one');
  withContainers([['listed:two', 'sleep', '1000']], ([id = '']) => {
    assert.match(
      ok('ps', '--filter', 'ancestor=listed:two', '--format', '{{.ID}}'),
      new RegExp(`^${id.slice(0, 12)}$`),
    );
    refused(/conflict|is being used|is using/i, 'rmi', ok('inspect', '--format', '{{.Image}}', id));
  });
  ok('rmi', 'listed:two');
  refused(/no such image/i, 'image', 'inspect', 'listed:two');
});

test('commit, save, load, import and export', () => {
  const archive = join(site.work, 'saved.tar');
  withContainers([['--name', 'changed', image, 'sh', '-c', 'echo word >/word; sleep 1000']], () => {
    ok('commit', '-a', 'who', '-m', 'why', '-c', 'ENV A=b', '-c', 'CMD ["cat", "/word"]', 'changed', 'made:1');
    ok('export', '-o', join(site.work, 'exported.tar'), 'changed');
  });
  assert.equal(run('made:1'), 'word');
  assert.equal(
    ok('inspect', '--format', '{{.Author}} {{.Comment}} {{index .Config.Env 0}}', 'made:1').split(' ')[1],
    'why',
  );
  ok('save', '-o', archive, 'made:1');
  const id = ok('inspect', '--format', '{{.Id}}', 'made:1');
  ok('rmi', 'made:1');
  assert.equal(ok('load', '-i', archive), 'Loaded image: made:1');
  assert.equal(ok('inspect', '--format', '{{.Id}}', 'made:1'), id);
  ok('import', '-c', 'CMD ["cat", "/word"]', join(site.work, 'exported.tar'), 'made:2');
  assert.equal(run('made:2'), 'word');
  ok('rmi', 'made:1', 'made:2');
});

test('volumes: named, of images, from others, read-only, and what becomes of them', () => {
  ok('volume', 'create', '--label', 'of=test', 'kept');
  run('-v', 'kept:/data', image, 'sh', '-c', 'echo word >/data/file');
  assert.equal(run('-v', 'kept:/data:ro', image, 'cat', '/data/file'), 'word');
  assert.equal(run('--mount', 'type=volume,src=kept,dst=/data,readonly', image, 'cat', '/data/file'), 'word');
  runRefused(/Read-only file system/, '-v', 'kept:/data:ro', image, 'touch', '/data/x');
  // An empty one gets what the image has there.
  assert.match(run('-v', 'filled:/etc', image, 'cat', '/etc/passwd'), /root:/);
  assert.match(run('-v', 'filled:/other', image, 'cat', '/other/passwd'), /root:/);
  assert.equal(run('-v', 'bare:/etc:nocopy', image, 'ls', '-A', '/etc').includes('passwd'), false);
  assert.deepEqual(lines(ok('volume', 'ls', '-q')), ['bare', 'filled', 'kept']);
  assert.equal(ok('volume', 'ls', '-q', '--filter', 'label=of=test'), 'kept');
  withContainers([['--name', 'owner', '-v', '/anonymous', '-v', 'kept:/data', image, 'sleep', '1000']], () => {
    assert.equal(run('--volumes-from', 'owner', image, 'cat', '/data/file'), 'word');
    assert.equal(ok('volume', 'ls', '-q').split('\n').length, 4);
    refused(/in use/, 'volume', 'rm', 'kept');
    const place = ok('volume', 'inspect', '--format', '{{.Mountpoint}}', 'kept');
    assert.equal(site.run(['cat', `${place}/file`]).stdout, 'word\n');
  });
  assert.deepEqual(lines(ok('volume', 'ls', '-q')), ['bare', 'filled', 'kept']);
  ok('volume', 'rm', 'bare', 'filled');
  refused(/no such volume/i, 'volume', 'inspect', 'bare');
  assert.match(ok('volume', 'prune', '--all', '--force'), /kept/);
});

test('ps: filters, sizes, formats, and the last', () => {
  const labelled = ['--label', 'kind=one', '--name', 'ps-one'];
  withContainers(
    [
      [...labelled, image, 'sleep', '1000'],
      ['--name', 'ps-two', '-v', '/place', image, 'sh', '-c', 'exit 3'],
      ['--name', 'ps-three', '--health-cmd', 'true', '--health-interval', '200ms', image, 'sleep', '1000'],
    ],
    ([one = '']) => {
      ok('wait', 'ps-two');
      ok('pause', 'ps-three');
      const names = (...filters: string[]) =>
        lines(ok('ps', '-a', '--format', '{{.Names}}', ...filters.flatMap((filter) => ['--filter', filter]))).join(' ');
      for (const [filters, expected] of [
        [['label=kind'], 'ps-one'],
        [['name=^/ps-t'], 'ps-three ps-two'],
        [['status=exited'], 'ps-two'],
        [['status=paused', 'status=running'], 'ps-one ps-three'],
        [['exited=3', 'volume=/place'], 'ps-two'],
        [[`id=${one.slice(0, 20)}`, 'before=ps-two'], 'ps-one'],
        [['network=none', 'since=ps-one'], 'ps-three ps-two'],
        [['health=none', 'name=ps-'], 'ps-one ps-two'],
      ] as const)
        assert.equal(names(...filters), expected, filters.join(' '));
      assert.equal(ok('ps', '-n', '1', '--format', '{{.Names}}'), 'ps-three');
      assert.match(ok('ps', '--size', '--filter', 'name=ps-one', '--format', '{{.Size}}'), /^0B \(virtual .+B\)$/);
      assert.match(ok('ps', '-a', '--filter', 'name=ps-two', '--format', '{{.Status}}'), /^Exited \(3\) .* ago$/);
      assert.match(ok('ps', '--filter', 'name=ps-three', '--format', '{{.Status}}'), /\(Paused\)$/);
      ok('unpause', 'ps-three');
      refused(/invalid filter 'colour'/, 'ps', '--filter', 'colour=red');
    },
  );
});

test('stats: once, by name and of all that run', () => {
  withContainers([['--name', 'busy', '--memory', '64m', image, 'sh', '-c', 'while :; do :; done']], () => {
    const [name, processor = '', memory = ''] = ok(
      ...['stats', '--no-stream', '--format', '{{.Name}} {{.CPUPerc}} {{.MemUsage}}', 'busy'],
    ).split(/ (?!\/|\d+M)/);
    assert.equal(name, 'busy');
    assert.ok(Number.parseFloat(processor) > 5 && Number.parseFloat(processor) < 150, processor);
    assert.match(memory, /^[\d.]+[KM]iB \/ 64MiB$/);
    assert.match(ok('stats', '--no-stream'), /busy .* 64MiB/);
    const ours = site.run([
      '/proa/dist/proa',
      ...words.slice(1),
      'stats',
      '--no-stream',
      '--format',
      '{{.Name}} {{.PIDs}}',
    ]);
    assert.equal(ours.stdout, 'busy 1\n', ours.stderr);
  });
});

test('run: who, where, with what environment', () => {
  const file = join(site.work, 'environment');
  writeFileSync(file, '# a comment\nFROM_FILE=yes\nINHERITED\n');
  const line = [
    '-e',
    'A=b',
    '-e',
    'HOME=/elsewhere',
    '--env-file',
    file,
    '-w',
    '/made/here',
    '-u',
    '1000:2000',
    '--group-add',
    '3000',
  ];
  assert.equal(
    run(
      ...line,
      '-h',
      'inside',
      image,
      'sh',
      '-c',
      'echo $A $FROM_FILE $HOME $(pwd) $(id -u) $(id -g) $(id -G) $(hostname)',
    ),
    'b yes /elsewhere /made/here 1000 2000 2000 3000 inside',
  );
  assert.equal(run('--entrypoint', 'echo', image, 'words'), 'words');
  assert.equal(run('--entrypoint', '', image, 'echo', 'words'), 'words');
  const added = run('--add-host', 'somewhere:10.1.2.3', image, 'cat', '/etc/hosts');
  assert.match(added, /^10\.1\.2\.3\s+somewhere$/m);
  const resolver = run(
    '--dns',
    '10.9.8.7',
    '--dns-search',
    'example.org',
    '--dns-option',
    'ndots:2',
    image,
    'cat',
    '/etc/resolv.conf',
  );
  assert.match(resolver, /^nameserver 10\.9\.8\.7$/m);
  assert.match(resolver, /^search example\.org$/m);
  assert.match(resolver, /^options ndots:2$/m);
  const ids = join(site.work, 'container-id');
  run('--cidfile', ids, '--label', 'a=b', '--annotation', 'c=d', image, 'true');
  assert.match(readFileSync(ids, 'utf8'), /^[0-9a-f]{64}$/);
  runRefused(/ID file found/, '--cidfile', ids, image, 'true');
});

test('run: limits, devices and kernel settings', () => {
  const limits = ['--memory-reservation', '32m', '--cpuset-cpus', '0', '--cpu-period', '50000', '--cpu-quota', '25000'];
  withContainers([['--name', 'limited', ...limits, '--oom-score-adj', '500', image, 'sleep', '1000']], () => {
    const pid = ok('inspect', '--format', '{{.State.Pid}}', 'limited');
    assert.equal(cgroupFile(site, pid, ['memory', 'memory.soft_limit_in_bytes'], 'memory.low'), '33554432');
    assert.equal(cgroupFile(site, pid, ['cpuset', 'cpuset.cpus'], 'cpuset.cpus'), '0');
    assert.match(cgroupFile(site, pid, ['cpu', 'cpu.cfs_quota_us'], 'cpu.max'), /^25000/);
    assert.equal(site.run(['cat', `/proc/${pid}/oom_score_adj`]).stdout.trim(), '500');
    ok('update', '--cpu-quota', '30000', '--pids-limit', '40', '--restart', 'on-failure:3', 'limited');
    assert.equal(cgroupFile(site, pid, ['pids', 'pids.max'], 'pids.max'), '40');
    assert.match(cgroupFile(site, pid, ['cpu', 'cpu.cfs_quota_us'], 'cpu.max'), /^30000/);
    assert.equal(ok('inspect', '--format', '{{.HostConfig.RestartPolicy.MaximumRetryCount}}', 'limited'), '3');
  });
  assert.match(run('--device', '/dev/null:/dev/other:r', image, 'ls', '/dev/other'), /\/dev\/other/);
  refused(
    /no such file|not a device|gathering/i,
    'run',
    '--rm',
    '--network',
    'none',
    '--device',
    '/dev/no-such',
    image,
    'true',
  );
  assert.equal(
    run(
      '--device-cgroup-rule',
      'c 1:7 rwm',
      '--cap-add',
      'MKNOD',
      image,
      'sh',
      '-c',
      'mknod /full c 1 7 && cat /full | head -c 1 | wc -c',
    ),
    '1',
  );
  assert.match(
    run('--cap-drop', 'ALL', '--cap-add', 'NET_RAW', image, 'grep', 'CapEff', '/proc/self/status'),
    /0{12}2000$/,
  );
  assert.match(run('--tmpfs', '/scratch:size=2m,mode=1770', image, 'stat', '-c', '%a', '/scratch'), /^1770$/);
  assert.equal(run('--mount', 'type=tmpfs,dst=/scratch,tmpfs-mode=700', image, 'stat', '-c', '%a', '/scratch'), '700');
  assert.equal(
    run('--pid', 'host', image, 'readlink', '/proc/self/ns/pid'),
    site.run(['readlink', '/proc/self/ns/pid']).stdout.trim(),
  );
});

test('run: files and directories of the machine', () => {
  const place = join(site.work, 'place');
  mkdirSync(join(place, 'below'), { recursive: true });
  writeFileSync(join(place, 'file'), 'word');
  assert.equal(run('-v', `${place}/file:/etc/file:ro`, image, 'cat', '/etc/file'), 'word');
  run('-v', `${place}/missing:/data`, image, 'touch', '/data/made');
  assert.equal(readFileSync(join(place, 'missing/made'), 'utf8'), '');
  runRefused(/does not exist/, '--mount', `type=bind,src=${place}/none,dst=/data`, image, 'true');
  runRefused(/Read-only file system/, '--mount', `type=bind,src=${place},dst=/data,ro`, image, 'touch', '/data/x');
});

test('create, start -a, restart policies, health and waiting', () => {
  ok('create', '-i', '--name', 'made', '--network', 'none', image, 'sh', '-c', 'read word; echo got $word; exit 5');
  const { status, stdout } = cli(['start', '-a', '-i', 'made'], { input: 'given\n' });
  assert.deepEqual([status, stdout], [5, 'got given\n']);
  ok('rename', 'made', 'renamed');
  assert.equal(ok('wait', 'renamed'), '5');
  assert.equal(ok('container', 'prune', '--force').split('\n')[0], 'Deleted Containers:');
  withContainers([['--name', 'again', '--restart', 'on-failure:2', image, 'sh', '-c', 'echo run; exit 1']], () => {
    for (const end = Date.now() + 20_000; ok('inspect', '--format', '{{.State.Status}}', 'again') !== 'exited'; )
      assert.ok(Date.now() < end, 'it is started again and again');
    assert.equal(ok('inspect', '--format', '{{.RestartCount}}', 'again'), '2');
    assert.equal(ok('logs', 'again'), 'run\nrun\nrun');
  });
  const checked = ['--health-cmd', 'test -e /well', '--health-interval', '100ms', '--health-retries', '2'];
  withContainers([['--name', 'checked', ...checked, image, 'sleep', '1000']], () => {
    const until = (health: string) => {
      for (
        const end = Date.now() + 20_000;
        ok('inspect', '--format', '{{.State.Health.Status}}', 'checked') !== health;
      )
        assert.ok(Date.now() < end, `it is not ${health}`);
    };
    until('unhealthy');
    ok('exec', 'checked', 'touch', '/well');
    until('healthy');
  });
});

test('info, version, system and what does not exist', () => {
  assert.equal(ok('info', '--format', '{{.Containers}} {{.OSType}} {{.Driver}}'), '0 linux overlay2');
  assert.match(ok('version', '--format', '{{.Server.APIVersion}}'), /^1\.\d+$/);
  refused(/No such container/, 'inspect', '--type', 'container', 'nothing');
  refused(/No such container/, 'logs', 'nothing');
  refused(/is not supported|bridge/, 'run', '--rm', '--network', 'bridge', image, 'true');
  refused(/PortBindings/, 'run', '--rm', '-p', '80:80', '--network', 'none', image, 'true');
});
