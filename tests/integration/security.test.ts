// Each published escape of a runtime has a test with its number: what the attack does, and that it fails here.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { until } from './support/agent.ts';
import { Bundle, runtimePath } from './support/bundle.ts';

const everything = [
  'CAP_SYS_ADMIN',
  'CAP_SYS_PTRACE',
  'CAP_DAC_OVERRIDE',
  'CAP_SYS_CHROOT',
  'CAP_MKNOD',
  'CAP_NET_ADMIN',
  'CAP_CHOWN',
  'CAP_FOWNER',
];

test('CVE-2019-5736: the binary cannot be opened for writing through /proc/PID/exe', () => {
  // The image makes its entry point a link to the runtime itself; the process that results tries to overwrite it.
  using bundle = new Bundle({
    args: ['/bin/sh', '-c', 'for fd in 0 1 2 3 4 5 6 7 8 9 10; do :; done; sleep 30'],
    config(config) {
      config.process.capabilities = { bounding: everything, effective: everything, permitted: everything };
      config.process.noNewPrivileges = false;
      config.root.readonly = false;
    },
  });
  const before = readFileSync(runtimePath);
  bundle.start();
  // While an exec is on its way, the container looks for processes whose program is not of the container.
  const attack = [
    'i=0; while [ $i -lt 400 ]; do i=$((i+1)); for p in /proc/[0-9]*; do',
    'if [ "$(readlink $p/exe)" = / ] || readlink $p/exe | grep -q proa; then',
    '(: >> $p/exe) 2>>/tmp/answers && echo WRITTEN >> /tmp/answers; fi; done; done',
  ].join(' ');
  writeFileSync(join(bundle.rootfs, 'attack.sh'), attack);
  symlinkSync('busybox', join(bundle.rootfs, 'bin/grep'));
  bundle.runtime('exec', '--detach', bundle.id, '/bin/sh', '/attack.sh');
  for (let tries = 0; tries < 30; tries++) bundle.exec('/bin/true');
  const answers = existsSync(join(bundle.rootfs, 'tmp/answers'))
    ? readFileSync(join(bundle.rootfs, 'tmp/answers'), 'utf8')
    : '';
  assert.ok(!answers.includes('WRITTEN'), answers.slice(0, 300));
  assert.ok(readFileSync(runtimePath).equals(before));
});

test('CVE-2019-5736: an entry point that links to /proc/self/exe runs a copy that nobody can write to', () => {
  using bundle = new Bundle({
    args: ['/entry', '--version'],
    config(config) {
      config.process.capabilities = { bounding: everything, effective: everything, permitted: everything };
    },
  });
  symlinkSync('/proc/self/exe', join(bundle.rootfs, 'entry'));
  const before = statSync(runtimePath);
  const { stderr } = bundle.run();
  assert.equal(statSync(runtimePath).mtimeMs, before.mtimeMs, stderr);
  // The runtime's own processes run from a detached read-only mount.
  using sleeper = new Bundle({ args: ['/bin/sleep', '30'] });
  sleeper.create();
  const { pid } = sleeper.state();
  assert.throws(() => openSync(`/proc/${pid}/exe`, 'r+'), /EROFS|ETXTBSY/);
});

const tracing = spawnSync('strace', ['-V']).status === 0;

test('CVE-2019-5736: where mounts may not be cloned, a sealed copy in memory runs', {
  skip: !tracing && 'strace is missing',
}, () => {
  using bundle = new Bundle({ args: ['/bin/sleep', '30'] });
  const refuse = ['-qq', '-o', '/dev/null', '--inject=open_tree:error=EPERM:when=1'];
  const words = ['--root', bundle.root, 'create', '--bundle', bundle.path, bundle.id];
  const { status } = spawnSync('strace', [...refuse, runtimePath, ...words], {
    stdio: 'ignore',
  });
  assert.equal(status, 0);
  const { pid } = bundle.state();
  assert.match(readlinkSync(`/proc/${pid}/exe`), /^\/memfd:proa/);
  assert.throws(() => openSync(`/proc/${pid}/exe`, 'r+'), /ETXTBSY|EPERM/);
  bundle.runtime('start', bundle.id);
  assert.equal(bundle.state().status, 'running');
});

const noexec = '/proc/sys/vm/memfd_noexec';

test('CVE-2019-5736: that copy runs where files in memory are not to be executed by chance', {
  skip: (!tracing && 'strace is missing') || (!existsSync(noexec) && `there is no ${noexec}`),
}, () => {
  using bundle = new Bundle({ args: ['/bin/readlink', '/proc/self/exe'] });
  // What is set there holds for a pid namespace.
  const script = `echo 1 > ${noexec}; exec strace -qq -o /dev/null --inject=open_tree:error=EPERM:when=1 "$@"`;
  const words = [runtimePath, '--root', bundle.root, 'run', '--bundle', bundle.path, bundle.id];
  const inside = ['--pid', '--fork', '--mount-proc', 'sh', '-c', script, 'sh', ...words];
  const { stdout, stderr } = spawnSync('unshare', inside, { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(stdout, '/bin/busybox\n');
});

test('where something else is at the place of our memory, nothing is lost', {
  skip: !tracing && 'strace is missing',
}, () => {
  // It answers so where something is mapped.
  const words = ['-qq', '-o', '/dev/null', '--inject=msync:retval=0', runtimePath, '--version'];
  const { status, stderr } = spawnSync('strace', words, { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /^proa-runtime: no memory at its place, pages not of 4 KB, or no binary\n$/);
});

test('what the binary has relocated cannot be written to, nor can its code', async () => {
  const child = spawn(join(dirname(runtimePath), 'proa-init'), ['sleep', '30'], { stdio: 'ignore' });
  let inside = '';
  try {
    await until(() => {
      inside = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
      return inside !== '';
    });
    const headers = execFileSync('readelf', ['-lW', runtimePath], { encoding: 'utf8' });
    const [, place, size] = /GNU_RELRO +\S+ 0x(\w+) \S+ \S+ 0x(\w+)/.exec(headers) as unknown as [
      string,
      string,
      string,
    ];
    const ours = readFileSync(`/proc/${child.pid}/maps`, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('/proa'))
      .map((line) => /^(\w+)-(\w+) (\S+)/.exec(line) as unknown as [string, string, string, string])
      .map(([, from, to, access]) => ({ from: Number(`0x${from}`), to: Number(`0x${to}`), access }));
    const base = ours[0]?.from ?? 0;
    const end = base + Number(`0x${place}`) + Number(`0x${size}`);
    assert.equal(end % 4096, 0);
    const writable = ours.filter(({ access }) => access.includes('w'));
    assert.ok(writable.length > 0 && writable.every(({ from }) => from >= end), JSON.stringify({ ours, end }));
    assert.ok(ours.every(({ access }) => !access.includes('wx')));
  } finally {
    if (inside) process.kill(Number(inside), 'SIGKILL');
    child.kill('SIGKILL');
  }
});

test('CVE-2019-16884: an image cannot keep its label by putting something in place of /proc', () => {
  using bundle = new Bundle();
  rmSync(join(bundle.rootfs, 'proc'), { recursive: true });
  mkdirSync(join(bundle.rootfs, 'fake'));
  symlinkSync('/fake', join(bundle.rootfs, 'proc'));
  const { status, stderr } = bundle.run();
  assert.equal(status, 1);
  assert.match(stderr, /"\/proc" must be mounted on an ordinary directory/);
  assert.deepEqual(bundle.leftovers(), []);
});

test('CVE-2019-16884: mounts over files of /proc are refused', () => {
  for (const destination of ['/proc/self/attr', '/proc/./sys', '/proc/../proc/1']) {
    using bundle = new Bundle({
      config: (config) => config.mounts.push({ destination, type: 'tmpfs', source: 'tmpfs' }),
    });
    const { status, stderr } = bundle.run();
    assert.equal(status, 1, destination);
    assert.match(stderr, /inside \/proc|refused|\.\./, destination);
  }
});

test('CVE-2019-19921: a volume mounted over /proc cannot redirect what the runtime writes there', () => {
  using volume = new Bundle();
  mkdirSync(join(volume.path, 'volume'));
  using bundle = new Bundle({
    config: (config) =>
      config.mounts.push({
        destination: '/proc',
        type: 'bind',
        source: join(volume.path, 'volume'),
        options: ['rbind'],
      }),
  });
  const { status, stderr } = bundle.run();
  assert.equal(status, 1);
  assert.match(stderr, /"\/proc" cannot be mounted/);
});

test('CVE-2021-30465: a link in a volume swapped during the start never leads a mount out of the root', () => {
  using outside = new Bundle();
  const target = join(outside.path, 'outside');
  mkdirSync(target);
  using bundle = new Bundle({
    args: ['/bin/true'],
    config(config) {
      config.root.readonly = false;
      config.mounts.push({ destination: '/swap/inner', type: 'tmpfs', source: 'tmpfs' });
    },
  });
  mkdirSync(join(bundle.rootfs, 'real'));
  // One process swaps a directory for a link to the host while another starts containers on it.
  const swap = `while :; do ln -sfn ${target} swap 2>/dev/null; rm -f swap; mkdir -p swap/inner 2>/dev/null; rm -rf swap; done`;
  const racer = spawn('sh', ['-c', swap], { cwd: bundle.rootfs, stdio: 'ignore', detached: true });
  try {
    for (let tries = 0; tries < 60; tries++) {
      bundle.run();
      assert.equal(existsSync(join(target, 'inner')), false, 'a directory was made outside the root');
      assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(target), 'a mount reached the host');
    }
  } finally {
    // Its children too, which the shell has made in its own process group.
    process.kill(-(racer.pid as number), 'SIGKILL');
    spawnSync('sleep', ['0.1']);
  }
});

test('CVE-2024-21626: a working directory that is a leaked descriptor of the host is refused', () => {
  for (let fd = 3; fd <= 12; fd++) {
    using bundle = new Bundle({
      args: ['/bin/cat', 'etc/hostname'],
      config(config) {
        config.process.cwd = `/proc/self/fd/${fd}`;
        config.root.readonly = false;
      },
    });
    const { status, stdout } = bundle.run();
    assert.notEqual(status, 0, `descriptor ${fd} gave ${stdout}`);
  }
});

test('CVE-2024-21626: nothing of the runtime is open in the container, nor in an exec', () => {
  const list = ['/bin/sh', '-c', 'for f in /proc/self/fd/*; do readlink $f; done'];
  using bundle = new Bundle({ args: ['/bin/sleep', '30'] });
  bundle.start();
  const { stdout } = bundle.exec(...list);
  for (const line of stdout.trim().split('\n')) {
    assert.ok(!/^\/(sys|run|proc\/?$|$)|proa/.test(line) || line.startsWith('/proc/'), `leaked: ${line}`);
  }
});

test('CVE-2024-45310: a mount target is never made outside the root, whatever the image links to', () => {
  using outside = new Bundle();
  const victim = join(outside.path, 'victim');
  mkdirSync(victim);
  using bundle = new Bundle({
    config(config) {
      config.root.readonly = false;
      config.mounts.push(
        { destination: '/link/made', type: 'tmpfs', source: 'tmpfs' },
        { destination: '/up/file', type: 'bind', source: '/etc/hostname', options: ['bind'] },
        { destination: '/../../../escape', type: 'tmpfs', source: 'tmpfs' },
      );
    },
  });
  symlinkSync(victim, join(bundle.rootfs, 'link'));
  symlinkSync('../../../../../../../../../../../..', join(bundle.rootfs, 'up'));
  const { status, stderr } = bundle.run();
  assert.equal(status, 0, stderr);
  assert.equal(existsSync(join(victim, 'made')), false);
  assert.equal(existsSync('/escape'), false);
  assert.ok(existsSync(join(bundle.rootfs, 'escape')));
});

test('CVE-2025-31133: masked paths are hidden by the real null device, not by what the image calls so', () => {
  using bundle = new Bundle({
    args: ['/bin/sh', '-c', 'stat -c "%t:%T" /proc/keys /proc/timer_list; ls /sys/firmware | wc -l'],
    config(config) {
      // The image brings its own /dev, where `null` is a link to a file of /proc.
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
      config.root.readonly = false;
    },
  });
  symlinkSync('/proc/sysrq-trigger', join(bundle.rootfs, 'dev/null'));
  const { status, stdout, stderr } = bundle.run();
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '1:3\n1:3\n0\n');
});

test('what hides a file is the device of the host, whose permissions are nobody’s to change', () => {
  using bundle = new Bundle({
    args: ['/bin/sh', '-c', 'echo lost >/proc/keys; for path in /proc/keys /proc/timer_list; do chmod 600 $path; done'],
    config: (config) => {
      const { capabilities } = config.process;
      for (const set of ['bounding', 'effective', 'permitted'] as const) capabilities?.[set]?.push('CAP_FOWNER');
    },
  });
  try {
    const { stderr } = bundle.run();
    assert.equal(stderr.match(/Read-only file system/g)?.length, 2, stderr);
    assert.equal(statSync('/dev/null').mode & 0o777, 0o666);
  } finally {
    chmodSync('/dev/null', 0o666);
  }
});

test('CVE-2025-52565: /dev/console is the terminal of the container, whatever the image has there', () => {
  using bundle = new Bundle({
    args: ['/bin/sh', '-c', 'stat -c %t:%T /dev/console; readlink /dev/console; mount | grep " /dev/console "'],
    config(config) {
      config.process.terminal = true;
      config.mounts = config.mounts.filter(({ destination }) => destination !== '/dev');
      config.root.readonly = false;
    },
  });
  symlinkSync('busybox', join(bundle.rootfs, 'bin/grep'));
  mkdirSync(join(bundle.rootfs, 'dev/pts'));
  symlinkSync('/proc/sys/kernel/core_pattern', join(bundle.rootfs, 'dev/console'));
  const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
  const run = spawnSync(
    'script',
    ['-qec', `${runtimePath} --root ${bundle.root} run -b ${bundle.path} ${bundle.id}`, '/dev/null'],
    {
      encoding: 'utf8',
      timeout: 20_000,
    },
  );
  assert.equal(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), before);
  assert.doesNotMatch(run.stdout, /core_pattern .*devpts/);
});

test('CVE-2025-52881: a label or sysctl is written to the real /proc, not to one that the image arranges', () => {
  using bundle = new Bundle({
    args: ['/bin/cat', '/proc/sys/net/ipv4/ip_forward'],
    config(config) {
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
      // A tmpfs on /proc/sys of the container would swallow the write.
      config.mounts.push({ destination: '/proc/sys', type: 'tmpfs', source: 'tmpfs' });
    },
  });
  const { status, stderr } = bundle.run();
  assert.equal(status, 1);
  assert.match(stderr, /"\/proc\/sys" cannot be mounted/);
  using plain = new Bundle({
    args: ['/bin/cat', '/proc/sys/net/ipv4/ip_forward'],
    config(config) {
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
    },
  });
  assert.equal(plain.run().stdout, '1\n');
});

test('the container inherits neither signal dispositions nor masks, umask, groups or descriptors', () => {
  using bundle = new Bundle({
    args: ['/bin/sh', '-c', 'grep -E "^Sig(Blk|Ign)|^Groups" /proc/self/status; umask; ls /proc/self/fd | wc -l'],
  });
  symlinkSync('busybox', join(bundle.rootfs, 'bin/grep'));
  const command = `umask 077; trap '' PIPE HUP TERM; exec 7</etc/passwd; exec ${runtimePath} --root ${bundle.root} run -b ${bundle.path} ${bundle.id}`;
  const stdout = execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  assert.equal(stdout, 'Groups:\t \nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0022\n4\n');
});

test('standard streams that the caller closed are the null device in the container', () => {
  using bundle = new Bundle({
    args: ['/bin/sh', '-c', 'for fd in 0 1 2; do readlink /proc/self/fd/$fd; done > /tmp/streams'],
  });
  const config = JSON.parse(readFileSync(join(bundle.path, 'config.json'), 'utf8'));
  config.root.readonly = false;
  bundle.write(config);
  execFileSync('sh', ['-c', `exec ${runtimePath} --root ${bundle.root} run -b ${bundle.path} ${bundle.id} <&- 2>&-`]);
  const lines = readFileSync(join(bundle.rootfs, 'tmp/streams'), 'utf8').trim().split('\n');
  assert.match(lines[0] ?? '', /null/);
  assert.match(lines[2] ?? '', /null/);
});
