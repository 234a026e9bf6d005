import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dockerSeccomp } from '#common/docker-seccomp/index.ts';
import { ProaError } from '#common/errors.ts';
import { compileFilter } from './compile.ts';
import { disassemble, run } from './test-support/bpf-interpreter.ts';
import { type Architecture, audit, machineOf, meaning, numbersOf } from './test-support/reference.ts';
import type { Seccomp, SeccompArgument } from './types.ts';

const ALLOW = 0x7fff0000;
const EPERM = 0x50001;
const ENOSYS = 0x50026;
const KILL = 0x80000000;

function answer(seccomp: Seccomp, architecture: Architecture, call: string | number, args: readonly bigint[] = []) {
  const program = disassemble(compileFilter(seccomp, machineOf[architecture]).filter);
  const number = typeof call === 'number' ? call : (numbersOf(architecture).get(call) as number);
  return run(program, { number, architecture: audit[architecture], args }).answer;
}

function fails(seccomp: Seccomp, kind: string, message: RegExp) {
  assert.throws(
    () => compileFilter(seccomp, 'x86-64'),
    (error) => error instanceof ProaError && error.kind === kind && message.test(error.message),
  );
}

test('compileFilter() knows every action', () => {
  const table: [action: string, errno: number | undefined, answer: number][] = [
    ['SCMP_ACT_KILL', undefined, 0],
    ['SCMP_ACT_KILL_THREAD', undefined, 0],
    ['SCMP_ACT_KILL_PROCESS', undefined, KILL],
    ['SCMP_ACT_TRAP', undefined, 0x30000],
    ['SCMP_ACT_ERRNO', undefined, EPERM],
    ['SCMP_ACT_ERRNO', 0, 0x50000],
    ['SCMP_ACT_ERRNO', 22, 0x50016],
    ['SCMP_ACT_TRACE', undefined, 0x7ff00001],
    ['SCMP_ACT_TRACE', 0xffff, 0x7ff0ffff],
    ['SCMP_ACT_LOG', undefined, 0x7ffc0000],
    ['SCMP_ACT_ALLOW', undefined, ALLOW],
  ];
  for (const [action, errnoRet, expected] of table) {
    const rule = { names: ['kill'], action, errnoRet };
    const other = action === 'SCMP_ACT_ALLOW' ? 'SCMP_ACT_KILL' : 'SCMP_ACT_ALLOW';
    assert.equal(answer({ defaultAction: other, syscalls: [rule] }, 'x86-64', 'kill'), expected, action);
    assert.equal(answer({ defaultAction: action, defaultErrnoRet: errnoRet }, 'aarch64', 'kill'), expected, action);
  }
});

test('compileFilter() refuses what it does not know, naming the field', () => {
  const defaultAction = 'SCMP_ACT_ERRNO';
  const withRule = (rule: object) => ({
    defaultAction,
    syscalls: [{ names: ['kill'], action: 'SCMP_ACT_ALLOW', ...rule }],
  });
  const withArgument = (argument: object) =>
    withRule({ args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ', ...argument } as SeccompArgument] });
  fails({ defaultAction: 'SCMP_ACT_NOTIFY' }, 'unsupported', /^linux\.seccomp\.defaultAction:/);
  fails(withRule({ action: 'SCMP_ACT_NOTIFY' }), 'unsupported', /syscalls\[0\]\.action:/);
  fails({ defaultAction, listenerPath: '/x' }, 'unsupported', /listenerPath/);
  fails({ defaultAction, listenerMetadata: 'x' }, 'unsupported', /listenerMetadata/);
  fails({ defaultAction: 'toString' }, 'invalid', /defaultAction.*"toString"/);
  fails({ defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 1 }, 'invalid', /defaultErrnoRet/);
  fails({ defaultAction, defaultErrnoRet: 65536 }, 'invalid', /defaultErrnoRet.*65536/);
  fails(withRule({ errnoRet: 1 }), 'invalid', /syscalls\[0\]\.errnoRet/);
  fails(
    { defaultAction, architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X'] },
    'invalid',
    /architectures\[1\].*"SCMP_ARCH_X"/,
  );
  fails({ defaultAction, flags: ['constructor'] }, 'invalid', /flags\[0\].*"constructor"/);
  fails(withArgument({ index: 6 }), 'invalid', /args\[0\]\.index.*6/);
  fails(withArgument({ op: 'SCMP_CMP_EQUAL' }), 'invalid', /args\[0\]\.op.*"SCMP_CMP_EQUAL"/);
  fails(withArgument({ value: -1 }), 'invalid', /args\[0\]\.value.*-1/);
  fails(withArgument({ value: 1n << 64n }), 'invalid', /args\[0\]\.value/);
  fails(withArgument({ valueTwo: 0.5, op: 'SCMP_CMP_MASKED_EQ' }), 'invalid', /args\[0\]\.valueTwo/);
});

test('compileFilter() gives the bits of every flag', () => {
  const bits = (flags: string[] | undefined) =>
    compileFilter({ defaultAction: 'SCMP_ACT_ALLOW', flags }, 'x86-64').flags;
  assert.equal(bits(undefined), 4);
  assert.equal(bits([]), 0);
  assert.equal(bits(['SECCOMP_FILTER_FLAG_TSYNC']), 1);
  assert.equal(bits(['SECCOMP_FILTER_FLAG_LOG']), 2);
  assert.equal(bits(['SECCOMP_FILTER_FLAG_SPEC_ALLOW']), 4);
  assert.equal(bits(['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']), 2);
});

test('compileFilter() compares 64 bits on 64-bit architectures and the low word on 32-bit ones', () => {
  const big = 0x1_0000_0005n;
  const table: [op: string, value: bigint, valueTwo: bigint, actual: bigint, wide: boolean, narrow: boolean][] = [
    ['SCMP_CMP_EQ', big, 0n, big, true, true],
    ['SCMP_CMP_EQ', big, 0n, 5n, false, true],
    ['SCMP_CMP_NE', big, 0n, 5n, true, false],
    ['SCMP_CMP_NE', big, 0n, big, false, false],
    ['SCMP_CMP_GT', 5n, 0n, big, true, false],
    ['SCMP_CMP_GT', 5n, 0n, 6n, true, true],
    ['SCMP_CMP_GT', 5n, 0n, 5n, false, false],
    ['SCMP_CMP_GT', big, 0n, 0x2_0000_0000n, true, false],
    ['SCMP_CMP_GE', 5n, 0n, 5n, true, true],
    ['SCMP_CMP_GE', big, 0n, 0xffffffffn, false, true],
    ['SCMP_CMP_LT', big, 0n, 0xffffffffn, true, false],
    ['SCMP_CMP_LT', 5n, 0n, 4n, true, true],
    ['SCMP_CMP_LT', 5n, 0n, 5n, false, false],
    ['SCMP_CMP_LE', 5n, 0n, 5n, true, true],
    ['SCMP_CMP_LE', 5n, 0n, big, false, true],
    ['SCMP_CMP_LE', (1n << 64n) - 1n, 0n, (1n << 64n) - 1n, true, true],
    ['SCMP_CMP_MASKED_EQ', 0xfn, 5n, 0xf5n, true, true],
    ['SCMP_CMP_MASKED_EQ', 0xfn, 0xf5n, 5n, true, true],
    ['SCMP_CMP_MASKED_EQ', 0x1_0000_000fn, 5n, big, false, true],
    ['SCMP_CMP_MASKED_EQ', 0x1_0000_000fn, big, 0xf_0000_0005n, true, true],
    ['SCMP_CMP_MASKED_EQ', 0xffffffff_00000000n, 0n, 7n, true, true],
    ['SCMP_CMP_MASKED_EQ', 0n, 1n, 7n, true, true],
  ];
  for (const [op, value, valueTwo, actual, wide, narrow] of table) {
    const seccomp = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_ARM'],
      syscalls: [{ names: ['kill'], action: 'SCMP_ACT_ALLOW', args: [{ index: 5, op, value, valueTwo }] }],
    };
    const args = [0n, 0n, 0n, 0n, 0n, actual];
    const label = `${op} ${value} ${valueTwo} ${actual}`;
    for (const architecture of ['x86-64', 'aarch64'] as const)
      assert.equal(answer(seccomp, architecture, 'kill', args) === ALLOW, wide, `${label} ${architecture}`);
    for (const architecture of ['i386', 'arm'] as const)
      assert.equal(answer(seccomp, architecture, 'kill', args) === ALLOW, narrow, `${label} ${architecture}`);
  }
});

test('compileFilter() joins different arguments of a rule by "and", conditions on the same one by "or"', () => {
  const rule = (...args: [number, number][]) => ({
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [
      {
        names: ['kill'],
        action: 'SCMP_ACT_ALLOW',
        args: args.map(([index, value]) => ({ index, value, op: 'SCMP_CMP_EQ' })),
      },
    ],
  });
  const both = rule([0, 1], [1, 2]);
  assert.equal(answer(both, 'x86-64', 'kill', [1n, 2n]), ALLOW);
  assert.equal(answer(both, 'x86-64', 'kill', [1n, 3n]), EPERM);
  const either = rule([0, 1], [0, 2], [1, 3]);
  for (const args of [[1n], [2n], [9n, 3n]]) assert.equal(answer(either, 'x86-64', 'kill', args), ALLOW);
  assert.equal(answer(either, 'x86-64', 'kill', [3n, 1n]), EPERM);
});

test('compileFilter() weighs rules about one call as libseccomp does', () => {
  const one = [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }];
  const seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      { names: ['kill', 'tkill'], action: 'SCMP_ACT_ALLOW' },
      { names: ['kill', 'tkill', 'tkill'], action: 'SCMP_ACT_ERRNO', errnoRet: 2, args: one },
      { names: ['tkill', 'tgkill'], action: 'SCMP_ACT_ERRNO', errnoRet: 3, args: one },
      { names: ['kill'], action: 'SCMP_ACT_ERRNO', errnoRet: 4 },
      { names: ['kill'], action: 'SCMP_ACT_ERRNO', errnoRet: 5 },
    ],
  };
  assert.equal(answer(seccomp, 'x86-64', 'kill', [1n]), 0x50004);
  assert.equal(answer(seccomp, 'x86-64', 'tkill', [1n]), 0x50002);
  assert.equal(answer(seccomp, 'x86-64', 'tkill', [2n]), ALLOW);
  assert.equal(answer(seccomp, 'x86-64', 'tgkill', [1n]), 0x50003);
});

test('compileFilter() kills processes of architectures that are not listed', () => {
  const seccomp = { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_S390X', 'SCMP_ARCH_RISCV64'] };
  assert.equal(answer(seccomp, 'x86-64', 'read'), ALLOW);
  for (const architecture of ['i386', 'x32', 'arm'] as const) assert.equal(answer(seccomp, architecture, 'read'), KILL);
  const foreign = disassemble(compileFilter(seccomp, 'aarch64').filter);
  assert.equal(run(foreign, { number: 0, architecture: audit['x86-64'] }).answer, KILL);
  // A call that a tracer has cancelled.
  assert.equal(answer(seccomp, 'x86-64', -1), ALLOW);
  assert.equal(answer(seccomp, 'x86-64', 0xfffffffe), KILL);
});

test('compileFilter() gives x32 the rules of the calls that it renumbers', () => {
  const seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: ['SCMP_ARCH_X32'],
    syscalls: [{ names: ['read', 'ptrace', 'execveat'], action: 'SCMP_ACT_ALLOW' }],
  };
  assert.equal(answer(seccomp, 'x32', 0x40000000), ALLOW);
  assert.equal(answer(seccomp, 'x32', 0x40000000 + 521), ALLOW);
  assert.equal(answer(seccomp, 'x32', 0x40000000 + 101), ALLOW);
  assert.equal(answer(seccomp, 'x32', 0x40000000 + 520), EPERM);
  assert.equal(answer(seccomp, 'x32', 0x40000000 + 546), ENOSYS);
  assert.equal(answer(seccomp, 'x86-64', 521), ENOSYS);
});

test('compileFilter() answers ENOSYS to calls newer than the profile, unless the default lets them through', () => {
  const rule = { names: ['execve', 'openat2', 'set_tls', 'no_such_call', '__proto__'], action: 'SCMP_ACT_ALLOW' };
  const architectures = ['SCMP_ARCH_X86', 'SCMP_ARCH_ARM'];
  for (const defaultAction of ['SCMP_ACT_ERRNO', 'SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_TRAP'])
    for (const architecture of ['x86-64', 'i386', 'aarch64', 'arm'] as const) {
      const seccomp = { defaultAction, architectures, syscalls: [rule] };
      assert.equal(answer(seccomp, architecture, 'openat2'), ALLOW);
      assert.equal(answer(seccomp, architecture, 'pidfd_getfd'), ENOSYS);
      assert.equal(answer(seccomp, architecture, 9999), ENOSYS);
      assert.notEqual(answer(seccomp, architecture, 'mount'), ENOSYS);
    }
  for (const defaultAction of ['SCMP_ACT_LOG', 'SCMP_ACT_TRACE'])
    assert.notEqual(answer({ defaultAction, syscalls: [rule] }, 'x86-64', 9999), ENOSYS);
  assert.equal(answer({ defaultAction: 'SCMP_ACT_ERRNO', architectures, syscalls: [rule] }, 'arm', 0xf0005), ALLOW);
  assert.equal(answer({ defaultAction: 'SCMP_ACT_ERRNO', architectures, syscalls: [rule] }, 'arm', 0xf0002), EPERM);
  // A call that is named for the default action is known all the same.
  const denied = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule, { names: ['mseal'], action: 'SCMP_ACT_ERRNO' }] };
  assert.equal(answer(denied, 'x86-64', 'mseal'), EPERM);
  assert.equal(answer(denied, 'x86-64', 'pidfd_getfd'), EPERM);
  assert.equal(answer({ defaultAction: 'SCMP_ACT_ERRNO' }, 'x86-64', 9999), EPERM);
});

test('compileFilter() carries rules about sockets and IPC over to the calls that hide them on i386', () => {
  const architectures = ['SCMP_ARCH_X86'];
  const seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures,
    syscalls: [
      { names: ['socket'], action: 'SCMP_ACT_ERRNO', args: [{ index: 0, value: 40, op: 'SCMP_CMP_EQ' }] },
      { names: ['recv', 'semop'], action: 'SCMP_ACT_ERRNO' },
    ],
  };
  assert.equal(answer(seccomp, 'i386', 'socket', [40n]), EPERM);
  assert.equal(answer(seccomp, 'i386', 'socket', [2n]), ALLOW);
  assert.equal(answer(seccomp, 'i386', 'socketcall', [1n]), EPERM);
  assert.equal(answer(seccomp, 'i386', 'socketcall', [10n]), EPERM);
  assert.equal(answer(seccomp, 'i386', 'socketcall', [2n]), ALLOW);
  assert.equal(answer(seccomp, 'i386', 'ipc', [1n]), EPERM);
  assert.equal(answer(seccomp, 'i386', 'ipc', [0x10001n]), EPERM);
  assert.equal(answer(seccomp, 'i386', 'ipc', [2n]), ALLOW);
  const allowed = {
    ...seccomp,
    defaultAction: 'SCMP_ACT_KILL',
    syscalls: [...seccomp.syscalls, { names: ['socketcall'], action: 'SCMP_ACT_ALLOW' }],
  };
  assert.equal(answer(allowed, 'i386', 'socketcall', [1n]), ALLOW);
});

test('compileFilter() makes a filter that allows execve alone', () => {
  const seccomp = {
    defaultAction: 'SCMP_ACT_KILL_PROCESS',
    syscalls: [{ names: ['execve'], action: 'SCMP_ACT_ALLOW' }],
  };
  const { filter, length } = compileFilter(seccomp, 'x86-64');
  assert.equal(filter.length, length * 8);
  assert.ok(length <= 14, `${length} instructions`);
  for (const [name, number] of numbersOf('x86-64'))
    assert.equal(answer(seccomp, 'x86-64', number), name === 'execve' ? ALLOW : number > 59 ? ENOSYS : KILL, name);
});

test('compileFilter() makes a small and shallow filter of the profile of Docker', () => {
  const kernel = { major: 6, minor: 12 };
  for (const machine of ['x86-64', 'aarch64'] as const) {
    const seccomp = dockerSeccomp({ capabilities: ['CAP_SYS_CHROOT'], architecture: machine, kernel });
    const { filter, length } = compileFilter(seccomp, machine);
    assert.ok(length < 320, `${length} instructions`);
    const program = disassemble(filter);
    for (const architecture of machine === 'x86-64'
      ? (['x86-64', 'i386', 'x32'] as const)
      : (['aarch64', 'arm'] as const))
      for (let number = architecture === 'x32' ? 0x40000000 : 0, end = number + 600; number < end; number++) {
        const args = [BigInt(number % 50), 0n, 0n, 0n, 0n, 0n];
        const { answer, steps } = run(program, { number, architecture: audit[architecture], args });
        assert.equal(answer, meaning(seccomp, architecture, number, args), `${architecture} ${number}`);
        assert.ok(steps <= 35, `${steps} instructions for ${architecture} ${number}`);
      }
  }
});

test('compileFilter() makes a tree: what is executed grows with the logarithm of the rules', () => {
  // Every second number, so that nothing can be merged: the most segments that calls can make.
  const names = [...numbersOf('aarch64')].filter(([, number]) => number % 2 === 0).map(([name]) => name);
  for (const count of [1, 10, 50, names.length]) {
    const syscalls = names
      .slice(0, count)
      .map((name, at) => ({ names: [name], action: 'SCMP_ACT_ERRNO', errnoRet: at + 2 }));
    const program = disassemble(compileFilter({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }, 'aarch64').filter);
    let most = 0;
    for (let number = 0; number < 600; number++)
      most = Math.max(most, run(program, { number, architecture: audit.aarch64 }).steps);
    assert.ok(most <= 2 * Math.log2(2 * count + 1) + 6, `${count} rules: ${most} instructions`);
  }
});

test('compileFilter() says so when a filter is longer than Linux takes', () => {
  const args = Array.from({ length: 1100 }, (_, value) => ({ index: 0, value, op: 'SCMP_CMP_EQ' }));
  const rules = (count: number) => [{ names: ['kill'], action: 'SCMP_ACT_ALLOW', args: args.slice(0, count) }];
  const compile = (count: number) =>
    compileFilter({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: rules(count) }, 'x86-64');
  const { filter, length } = compile(800);
  assert.ok(length > 3200);
  const kill = (value: bigint) =>
    run(disassemble(filter), { number: 62, architecture: audit['x86-64'], args: [value] }).answer;
  assert.equal(kill(0n), ALLOW);
  assert.equal(kill(799n), ALLOW);
  assert.equal(kill(800n), EPERM);
  assert.throws(
    () => compile(1100),
    (error) => error instanceof ProaError && error.kind === 'exhausted' && /4096 instructions/.test(error.message),
  );
});
