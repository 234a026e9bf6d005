// Compiled seccomp filters, which are kept for the next container with the same profile: used where they can be trusted.
import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Seccomp } from '#common/runtime-spec/types.ts';
import { Agent } from './support/agent.ts';
import { Bundle } from './support/bundle.ts';

const denying = (...names: string[]): Seccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names, action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
});

/** Makes a directory, and says how that went. */
const makes = ['/bin/sh', '-c', 'mkdir /tmp/made && echo made; rmdir /tmp/made 2>/dev/null; true'];

function bundleWith(...denied: string[]): Bundle {
  return new Bundle({
    args: makes,
    config(config) {
      config.root.readonly = false;
      config.linux.seccomp = denying(...denied);
    },
  });
}

const keptBy = ({ root }: Bundle) => {
  const directory = join(root, 'seccomp:filters');
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
};

/** The two lines of one kept filter with another filter behind them, and with the sum that belongs to that. */
function withFilter(filter: Buffer, whole: Buffer): Buffer {
  const content = Buffer.concat([whole.subarray(whole.indexOf(10) + 1, endOfLines(whole)), filter]);
  const head = whole.subarray(0, whole.indexOf(10) - 8);
  return Buffer.concat([head, Buffer.from(`${adler32(content).toString(16).padStart(8, '0')}\n`), content]);
}

function withFilterOf(other: Bundle, whole: Buffer): Buffer {
  const theirs = readFileSync(keptBy(other)[0] ?? '');
  return withFilter(theirs.subarray(endOfLines(theirs)), whole);
}

/** RFC 1950, section 8. */
function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

const endOfLines = (bytes: Buffer) => bytes.indexOf(10, bytes.indexOf(10) + 1) + 1;

test('a filter is kept once for all containers with its profile', () => {
  using bundle = bundleWith('mkdir', 'mkdirat');
  assert.match(bundle.run().stderr, /mkdir/);
  const [file = '', ...others] = keptBy(bundle);
  assert.deepEqual(others, []);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const before = statSync(file);
  assert.match(bundle.run().stderr, /mkdir/);
  assert.equal(statSync(file).ino, before.ino, 'it was compiled again');
  // What is there is what is loaded: the filter of another profile behind this one's text lets the call through.
  using other = bundleWith('chroot');
  other.run();
  writeFileSync(file, withFilterOf(other, readFileSync(file)));
  assert.equal(bundle.run().stdout, 'made\n');
});

test('a kept filter that is damaged, or of somebody else, is compiled anew', () => {
  using bundle = bundleWith('mkdir', 'mkdirat');
  bundle.run();
  const [file = ''] = keptBy(bundle);
  const whole = readFileSync(file);
  const otherCompiler = Buffer.from(whole);
  otherCompiler[0] = (otherCompiler[0] as number) ^ 1;
  const otherText = Buffer.from(whole);
  otherText[100] = (otherText[100] as number) ^ 1;
  for (const damaged of [
    Buffer.alloc(0),
    Buffer.alloc(whole.length),
    whole.subarray(0, 90),
    whole.subarray(0, -8),
    Buffer.concat([whole, Buffer.alloc(8)]),
    otherCompiler,
    otherText,
  ]) {
    writeFileSync(file, damaged);
    const { stdout, stderr } = bundle.run();
    assert.equal(stdout, '', stderr);
    assert.ok(readFileSync(file).equals(whole), 'it was not mended');
  }
  using other = bundleWith('chroot');
  other.run();
  writeFileSync(file, withFilterOf(other, whole));
  chownSync(file, 12345, 0);
  assert.equal(bundle.run().stdout, '');
  assert.equal(statSync(file).uid, 0);
});

test('more profiles than anybody has do not fill the directory', () => {
  using bundle = new Bundle();
  const config = JSON.parse(readFileSync(join(bundle.path, 'config.json'), 'utf8'));
  for (let errno = 1; errno <= 70; errno++) {
    const [rule] = denying('chroot').syscalls ?? [];
    config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ ...rule, errnoRet: errno }] };
    bundle.write(config);
    assert.equal(bundle.run().status, 0);
  }
  assert.ok(keptBy(bundle).length <= 64, `${keptBy(bundle).length} files`);
});

test('what is wrong elsewhere is told as if no filter had been kept', () => {
  using bundle = bundleWith('mkdir', 'mkdirat');
  assert.equal(bundle.run().stdout, '');
  const path = join(bundle.path, 'config.json');
  const whole = readFileSync(path, 'utf8');
  for (const [wrong, told] of [
    [`${whole.trimEnd().slice(0, -1)},}`, /config: line \d+, column \d+|line \d+/],
    [whole.replace('"cwd"', '"nowhere"'), /process\.cwd: missing/],
  ] as const) {
    writeFileSync(path, wrong);
    const kept = bundle.run();
    rmSync(join(bundle.root, 'seccomp:filters'), { recursive: true });
    const unkept = bundle.run();
    assert.match(kept.stderr, told);
    assert.equal(kept.stderr.replace(/time="\S+"/g, ''), unkept.stderr.replace(/time="\S+"/g, ''));
    writeFileSync(path, whole);
    bundle.run();
  }
});

test('a profile is found or not, and is always the one that counts', () => {
  using bundle = new Bundle({ args: makes });
  const path = join(bundle.path, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  config.root.readonly = false;
  delete config.linux.seccomp;
  const text = JSON.stringify(config);
  const withMembers = (members: string) => text.replace('"linux":{', `"linux":{${members},`);
  const [deny, allow] = [denying('mkdir', 'mkdirat'), denying('chroot')].map((profile) => JSON.stringify(profile));
  const strange = JSON.stringify(denying('mkdir', 'mkdirat', '}', '{{'));
  for (const [name, content, denied] of [
    ['the last of two', withMembers(`"seccomp":${allow},"seccomp":${deny}`), true],
    ['the last of two, written otherwise', withMembers(`"seccomp":${deny},"secc\\u006fmp":${allow}`), false],
    ['with braces in strings', withMembers(`"seccomp":${strange}`), true],
    ['somewhere else', withMembers(`"unknown":{"seccomp":${deny}}`), false],
    ['none', withMembers('"seccomp":{}'), false],
    [
      'with nulls',
      withMembers(`"seccomp":${deny?.replace('{', '{"flags":null,"defaultErrnoRet":null,"listenerPath":null,')}`),
      true,
    ],
    ['with nulls, and unsure', withMembers(`"x":"\\u007e","seccomp":${deny?.replace('{', '{"flags":null,')}`), true],
    ['of another name', withMembers(`"x":{"seccomp":${allow}},"secc\\x6fmp":${deny}`), true],
    ['with space', withMembers(`"seccomp" :\n ${deny} `), true],
  ] as const) {
    writeFileSync(path, content);
    for (let again = 0; again < 2; again++) {
      const { stdout, stderr } = bundle.run();
      assert.equal(stdout, denied ? '' : 'made\n', `${name}: ${stderr}`);
    }
    // A further process has the same filter.
    writeFileSync(path, content.replace(JSON.stringify(makes), '["/bin/sleep","100"]'));
    bundle.start();
    const { stdout, stderr } = bundle.exec(...makes);
    assert.equal(stdout, denied ? '' : 'made\n', `exec, ${name}: ${stderr}`);
    bundle.runtime('delete', '--force', bundle.id);
  }
});

test('an exec has the filter of its container, to the last bit', () => {
  const [rule] = denying('mkdir').syscalls ?? [];
  using bundle = new Bundle({ args: ['/bin/sleep', '100'] });
  const path = join(bundle.path, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  const args = [{ index: 0, value: 'VALUE', op: 'SCMP_CMP_EQ' }];
  config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ ...rule, args }] };
  writeFileSync(path, JSON.stringify(config).replace('"VALUE"', '9223372036854775807'));
  bundle.start();
  const [file = ''] = keptBy(bundle);
  const ofContainer = readFileSync(file);
  rmSync(file);
  assert.equal(bundle.exec('/bin/true').status, 0);
  assert.ok(readFileSync(file).equals(ofContainer));
});

test('a filter that lies in the container by the same path is nobody’s but the container’s', async () => {
  await using agent = new Agent();
  await agent.start();
  const seccomp = denying('mkdir', 'mkdirat');
  const id = await agent.create({
    args: ['/bin/sleep', '100'],
    config(config) {
      config.root.readonly = false;
      config.linux.seccomp = seccomp;
    },
  });
  const kept = join(agent.run, 'runtime', 'seccomp:filters');
  const [name = ''] = readdirSync(kept);
  // One that lets everything through.
  const allow = Buffer.alloc(12);
  allow.writeUInt16LE(6, 4);
  allow.writeUInt32LE(0x7fff0000, 8);
  const whole = readFileSync(join(kept, name));
  const packed = withFilter(allow, whole);
  const { pid } = JSON.parse(readFileSync(join(agent.run, 'containers', id, 'state.json'), 'utf8'));
  const planted = join(`/proc/${pid}/root`, kept, name);
  mkdirSync(dirname(planted), { recursive: true });
  writeFileSync(planted, packed);
  const process = { args: makes, cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'] };
  for (const hidden of [false, true]) {
    // Also where the host's own is not there any more.
    if (hidden) writeFileSync(join(kept, name), '');
    using client = agent.monitor(id);
    const { exec } = (await client.ask('exec', { process, stdin: false, stdout: true, stderr: true })) as never;
    using attached = agent.monitor(id);
    let output = '';
    await attached.attach('exec-attach', { exec, stdin: false, stdout: true, stderr: true }, (bytes) => {
      output += bytes;
    });
    await client.ask('exec-start', { exec });
    await client.ask('exec-wait', { exec });
    await attached.closed;
    assert.match(output, /Operation not permitted/);
    assert.doesNotMatch(output, /made\n/);
  }
});
