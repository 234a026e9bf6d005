import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dockerSeccomp } from './index.ts';

const kernel = { major: 6, minor: 1 };
const namesOf = (capabilities: string[], architecture: 'x86-64' | 'aarch64' = 'x86-64', release = kernel) =>
  dockerSeccomp({ capabilities, architecture, kernel: release }).syscalls.flatMap((rule) => rule.names);

test('dockerSeccomp() lists the architectures that the machine can run', () => {
  const listed = (architecture: 'x86-64' | 'aarch64') =>
    dockerSeccomp({ capabilities: [], architecture, kernel }).architectures;
  assert.deepEqual(listed('x86-64'), ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']);
  assert.deepEqual(listed('aarch64'), ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
});

test('dockerSeccomp() gives calls by capability, architecture and kernel', () => {
  assert.ok(!namesOf([]).includes('mount'));
  assert.ok(namesOf(['CAP_SYS_ADMIN']).includes('mount'));
  assert.ok(!namesOf(['CAP_SYS_ADMIN']).includes('reboot'));
  assert.ok(namesOf([]).includes('arch_prctl'));
  assert.ok(!namesOf([], 'aarch64').includes('arch_prctl'));
  assert.ok(namesOf([], 'aarch64').includes('set_tls'));
  assert.ok(namesOf([], 'x86-64', { major: 4, minor: 8 }).includes('ptrace'));
  assert.ok(!namesOf([], 'x86-64', { major: 4, minor: 7 }).includes('ptrace'));
  assert.ok(!namesOf([], 'x86-64', { major: 3, minor: 19 }).includes('ptrace'));
});

test('dockerSeccomp() keeps namespaces from containers without CAP_SYS_ADMIN', () => {
  const { syscalls } = dockerSeccomp({ capabilities: [], architecture: 'x86-64', kernel });
  const rule = (name: string) => syscalls.filter(({ names }) => names.includes(name));
  assert.deepEqual(rule('clone3'), [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }]);
  assert.deepEqual(rule('clone')[0]?.args, [{ index: 0, value: 2114060288, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }]);
});

test('dockerSeccomp() names each call once in the rule without conditions', () => {
  const all = ['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE', 'CAP_SYSLOG', 'CAP_BPF', 'CAP_PERFMON'];
  const names = dockerSeccomp({ capabilities: all, architecture: 'x86-64', kernel }).syscalls[0]?.names ?? [];
  assert.equal(new Set(names).size, names.length);
});
