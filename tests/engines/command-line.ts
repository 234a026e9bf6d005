// What docker and podman have in common: one suite for both, against whatever command line is given.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  cgroupFile,
  cgroupsBelow,
  fullCapabilities,
  makeRootfs,
  type Outcome,
  openSite,
  type RunOptions,
  type Site,
} from './support.ts';

export interface Engine {
  name: string;
  /** Starts what must run, and gives the words before each verb. */
  open(site: Site): Promise<string[]>;
  /** Options that every `run` gets. */
  runOptions(site: Site): string[];
  /** Kills and removes a container. */
  remove: string[];
  /** The daemon's program, whose log is shown when a test fails. */
  daemon?: string;
}

const image = 'busybox-of-proa';

export function testEngine(engine: Engine): void {
  let site: Site;
  let words: string[] = [];
  const cli = (line: string[], options?: RunOptions): Outcome => site.run([...words, ...line], options);
  const runLine = (line: string[]): string[] => [...words, 'run', ...engine.runOptions(site), ...line];
  const run = (line: string[], options?: RunOptions): Outcome => site.run(runLine(['--rm', ...line]), options);
  const inTerminal = (line: string[]): Outcome =>
    site.run(['script', '--quiet', '--return', '--command', line.join(' '), '/dev/null']);

  /** Standard output of a command that must succeed. */
  function good(outcome: Outcome): string {
    assert.equal(outcome.status, 0, `exit ${outcome.status}: ${outcome.stdout}${outcome.stderr}`);
    return outcome.stdout.trim();
  }

  /** Runs `body` with a container that sleeps. */
  function withSleeper(options: string[], body: (name: string, pid: string) => void): void {
    const name = `sleeper-${Math.random().toString(36).slice(2, 8)}`;
    good(site.run(runLine(['-d', '--name', name, ...options, image, '/bin/sleep', '1000'])));
    try {
      body(name, good(cli(['inspect', '--format', '{{.State.Pid}}', name])));
    } finally {
      cli([...engine.remove, name]);
    }
  }

  before(async () => {
    site = await openSite(engine.name);
    const rootfs = join(site.work, 'rootfs');
    await makeRootfs(rootfs);
    words = await engine.open(site);
    good(site.run(['tar', '-C', rootfs, '-cf', join(site.work, 'rootfs.tar'), '.']));
    good(cli(['import', join(site.work, 'rootfs.tar'), image]));
  });
  after(async () => {
    if (process.env['ENGINE_LOG'] && engine.daemon) console.error(site.log(engine.daemon));
    await site?.end();
  });

  const it = (name: string, body: () => void) => test(`${engine.name}: ${name}`, body);

  it('run gives output and status 0', () => {
    assert.equal(good(run([image, '/bin/echo', 'hello'])), 'hello');
  });

  for (const [status, line] of [
    [7, ['/bin/sh', '-c', 'exit 7']],
    [126, ['/etc/no-program']],
    [127, ['no-such-program']],
    [127, ['/no/such/program']],
  ] as const) {
    it(`run ${line.join(' ')} exits with ${status}`, () => {
      const outcome = run([image, ...line]);
      assert.equal(outcome.status, status, outcome.stdout + outcome.stderr);
    });
  }

  it('run separates standard output and error', () => {
    const outcome = run([image, '/bin/sh', '-c', 'echo out; echo err >&2']);
    assert.equal(outcome.stdout, 'out\n');
    assert.match(outcome.stderr, /err/);
  });

  it('run -i reads standard input', () => {
    assert.equal(good(run(['-i', image, '/bin/cat'], { input: 'given\n' })), 'given');
  });

  it('run -t gives a terminal', () => {
    const line = runLine([
      '--rm',
      '-t',
      image,
      '/bin/sh',
      '-c',
      '"test -t 0 && test -t 1 && stty -a && echo a terminal"',
    ]);
    assert.match(good(inTerminal(line)), /a terminal/);
  });

  it('run -t exits with the program’s status', () => {
    assert.equal(inTerminal(runLine(['--rm', '-t', image, '/bin/sh', '-c', '"exit 9"'])).status, 9);
  });

  it('exec runs in the container’s namespaces', () => {
    withSleeper(['--hostname', 'inside'], (name) => {
      assert.equal(good(cli(['exec', name, '/bin/hostname'])), 'inside');
      assert.match(good(cli(['exec', name, '/bin/ps'])), /sleep 1000/);
    });
  });

  it('exec exits with the program’s status', () => {
    withSleeper([], (name) => {
      assert.equal(cli(['exec', name, '/bin/sh', '-c', 'exit 5']).status, 5);
      assert.equal(cli(['exec', name, 'no-such-program']).status, 127);
      assert.equal(cli(['exec', name, '/etc/no-program']).status, 126);
    });
  });

  it('exec -t gives a terminal, -i input', () => {
    withSleeper([], (name) => {
      const line = [...words, 'exec', '-t', name, '/bin/sh', '-c', '"test -t 0 && echo a terminal"'];
      assert.match(good(inTerminal(line)), /a terminal/);
      assert.equal(good(cli(['exec', '-i', name, '/bin/cat'], { input: 'given\n' })), 'given');
    });
  });

  it('exec takes user, environment and directory', () => {
    withSleeper([], (name) => {
      const line = ['exec', '--user', 'someone', '-e', 'WORD=said', '-w', '/var', name];
      assert.equal(good(cli([...line, '/bin/sh', '-c', 'id -u; echo $WORD; pwd'])), '1000\nsaid\n/var');
    });
  });

  it('exec --privileged has every capability', () => {
    withSleeper([], (name) => {
      const full = fullCapabilities(site);
      assert.doesNotMatch(good(cli(['exec', name, '/bin/grep', 'CapEff', '/proc/self/status'])), full);
      assert.match(good(cli(['exec', '--privileged', name, '/bin/grep', 'CapEff', '/proc/self/status'])), full);
    });
  });

  it('pause and unpause', () => {
    withSleeper([], (name, pid) => {
      good(cli(['pause', name]));
      assert.equal(good(cli(['inspect', '--format', '{{.State.Status}}', name])), 'paused');
      assert.match(cgroupFile(site, pid, ['freezer', 'freezer.state'], 'cgroup.freeze'), /^(FROZEN|1)$/);
      good(cli(['unpause', name]));
      assert.match(cgroupFile(site, pid, ['freezer', 'freezer.state'], 'cgroup.freeze'), /^(THAWED|0)$/);
      assert.equal(good(cli(['exec', name, '/bin/echo', 'again'])), 'again');
    });
  });

  it('limits are in the cgroup’s files', () => {
    withSleeper(['--memory', '64m', '--pids-limit', '33', '--cpu-shares', '512', '--cpus', '0.5'], (_, pid) => {
      assert.equal(cgroupFile(site, pid, ['memory', 'memory.limit_in_bytes'], 'memory.max'), '67108864');
      assert.equal(cgroupFile(site, pid, ['pids', 'pids.max'], 'pids.max'), '33');
      assert.match(cgroupFile(site, pid, ['cpu', 'cpu.shares'], 'cpu.weight'), /^(512|20|59)$/);
      assert.match(cgroupFile(site, pid, ['cpu', 'cpu.cfs_quota_us'], 'cpu.max'), /^50000/);
    });
  });

  it('update changes limits', () => {
    withSleeper(['--memory', '64m', '--memory-swap', '64m'], (name, pid) => {
      good(cli(['update', '--memory', '48m', '--memory-swap', '48m', name]));
      assert.equal(cgroupFile(site, pid, ['memory', 'memory.limit_in_bytes'], 'memory.max'), '50331648');
    });
  });

  it('the least memory that Docker allows starts a program', () => {
    assert.equal(good(run(['--memory', '6m', image, '/bin/echo', 'started'])), 'started');
  });

  it('kill ends the container with the signal’s status', () => {
    withSleeper([], (name) => {
      good(cli(['kill', '--signal', 'KILL', name]));
      assert.equal(good(cli(['wait', name])), '137');
    });
  });

  it('stop ends a container that ignores SIGTERM', () => {
    withSleeper([], (name) => {
      good(cli(['stop', '-t', '1', name]));
      assert.equal(good(cli(['inspect', '--format', '{{.State.Running}}', name])), 'false');
    });
  });

  it('restart starts it again', () => {
    withSleeper([], (name, pid) => {
      good(cli(['restart', '-t', '0', name]));
      const next = good(cli(['inspect', '--format', '{{.State.Pid}}', name]));
      assert.notEqual(next, pid);
      assert.equal(good(cli(['exec', name, '/bin/echo', 'again'])), 'again');
    });
  });

  it('create, start, wait and logs', () => {
    const name = 'in-steps';
    good(
      site.run([
        ...words,
        'create',
        ...engine.runOptions(site),
        '--name',
        name,
        image,
        '/bin/sh',
        '-c',
        'echo done; exit 3',
      ]),
    );
    good(cli(['start', name]));
    assert.equal(good(cli(['wait', name])), '3');
    assert.equal(good(cli(['logs', name])), 'done');
    good(cli(['rm', name]));
  });

  it('top lists processes', () => {
    withSleeper([], (name) => {
      assert.match(good(cli(['top', name])), /sleep 1000/);
    });
  });

  it('--init has an init as the first process', () => {
    const first = good(run(['--init', image, '/bin/sh', '-c', 'cat /proc/1/cmdline | tr "\\0" " "']));
    assert.match(first, /init|tini/);
    assert.equal(run(['--init', image, '/bin/sh', '-c', 'kill -TERM $$']).status, 143);
  });

  it('--user by number and by name', () => {
    assert.equal(good(run(['--user', '1234:4321', image, '/bin/sh', '-c', 'id -u; id -g'])), '1234\n4321');
    assert.equal(good(run(['--user', 'someone', image, '/bin/id', '-u'])), '1000');
  });

  it('--read-only refuses writing', () => {
    const outcome = run(['--read-only', image, '/bin/touch', '/file']);
    assert.notEqual(outcome.status, 0);
    assert.match(outcome.stderr, /Read-only file system/);
  });

  it('-v binds read-write and read-only', () => {
    const shared = join(site.work, 'shared');
    mkdirSync(shared, { recursive: true });
    writeFileSync(join(shared, 'there'), 'there');
    assert.equal(
      good(run(['-v', `${shared}:/data`, image, '/bin/sh', '-c', 'cat /data/there; echo new >/data/new'])),
      'there',
    );
    assert.equal(readFileSync(join(shared, 'new'), 'utf8'), 'new\n');
    const refused = run(['-v', `${shared}:/data:ro`, image, '/bin/touch', '/data/other']);
    assert.match(refused.stderr, /Read-only file system/);
  });

  it('--tmpfs mounts with its options', () => {
    const mounts = good(run(['--tmpfs', '/scratch:size=1m,noexec', image, '/bin/grep', ' /scratch ', '/proc/mounts']));
    assert.match(mounts, /tmpfs.*noexec.*size=1024k/);
  });

  it('--cap-drop ALL leaves none, --privileged has all', () => {
    const line = [image, '/bin/grep', 'CapEff', '/proc/self/status'];
    assert.match(good(run(['--cap-drop', 'ALL', ...line])), /CapEff:\s*0{16}/);
    assert.match(good(run(['--privileged', ...line])), fullCapabilities(site));
  });

  it('the seccomp profile is the default, and unconfined takes it off', () => {
    const line = [image, '/bin/grep', 'Seccomp:', '/proc/self/status'];
    assert.match(good(run(line)), /Seccomp:\s*2/);
    assert.match(good(run(['--security-opt', 'seccomp=unconfined', ...line])), /Seccomp:\s*0/);
  });

  it('the default profile refuses mount, keyctl and unshare', () => {
    const outcome = run(['--cap-add', 'SYS_CHROOT', image, '/bin/mount', '-t', 'tmpfs', 'none', '/tmp']);
    assert.notEqual(outcome.status, 0);
    assert.match(outcome.stderr, /not permitted|permission denied/i);
  });

  it('no-new-privileges is set', () => {
    const line = ['--security-opt', 'no-new-privileges', image, '/bin/grep', 'NoNewPrivs', '/proc/self/status'];
    assert.match(good(run(line)), /NoNewPrivs:\s*1/);
  });

  it('--device, --ulimit, --sysctl, --shm-size', () => {
    assert.match(good(run(['--device', '/dev/null:/dev/xnull', image, '/bin/ls', '-l', '/dev/xnull'])), /1, +3/);
    assert.equal(
      good(run(['--ulimit', 'nofile=123:456', image, '/bin/sh', '-c', 'ulimit -Sn; ulimit -Hn'])),
      '123\n456',
    );
    assert.equal(good(run(['--sysctl', 'kernel.msgmax=9000', image, '/bin/cat', '/proc/sys/kernel/msgmax'])), '9000');
    assert.match(good(run(['--shm-size', '2m', image, '/bin/grep', '/dev/shm', '/proc/mounts'])), /size=2048k/);
  });

  it('kernel files are masked and read-only', () => {
    const text = good(
      run([image, '/bin/sh', '-c', 'wc -c </proc/timer_list; echo x >/proc/sys/kernel/domainname || echo refused']),
    );
    assert.equal(text, '0\nrefused');
  });

  it('namespaces of the host and of another container', () => {
    const host = good(site.run(['readlink', '/proc/self/ns/ipc']));
    assert.equal(
      good(run(['--ipc', 'host', '--pid', 'host', '--uts', 'host', image, '/bin/readlink', '/proc/self/ns/ipc'])),
      host,
    );
    withSleeper(['--ipc', 'shareable'], (name) => {
      const seen = good(run(['--pid', `container:${name}`, '--ipc', `container:${name}`, image, '/bin/ps']));
      assert.match(seen, /sleep 1000/);
    });
  });

  it('twenty containers at once', () => {
    const line = runLine(['--rm', image, '/bin/true']).join(' ');
    const script = `for i in $(seq 20); do ${line} & pids="$pids $!"; done; for p in $pids; do wait $p || exit 1; done`;
    good(site.run(['sh', '-c', script], { seconds: 120 }));
  });

  it('removed containers leave no cgroup', () => {
    const left = cgroupsBelow(site.cgroup).filter((path) => !/\/conmon$/.test(path));
    assert.deepEqual(left, []);
  });
}
