// Compares our table with the profile that Docker publishes. Without ../shared/specs there is nothing to compare with.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { dockerSeccomp } from '#common/docker-seccomp/index.ts';

interface Conditions {
  caps?: string[];
  arches?: string[];
  minKernel?: string;
}
interface Rule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
  includes?: Conditions;
  excludes?: Conditions;
}
interface Profile {
  defaultAction: string;
  defaultErrnoRet: number;
  archMap: { architecture: string; subArchitectures: string[] | null }[];
  syscalls: Rule[];
}

const path = resolve(process.cwd(), '../shared/specs/seccomp-default.json');
const published: Profile | undefined = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
const docker = {
  'x86-64': { go: 'amd64', native: 'SCMP_ARCH_X86_64' },
  aarch64: { go: 'arm64', native: 'SCMP_ARCH_AARCH64' },
} as const;

/** What Docker's own evaluation keeps. */
function kept({ syscalls }: Profile, caps: string[], arch: string, [major, minor]: [number, number]): Rule[] {
  const recent = (kernel: string) => {
    const [wantedMajor = 0, wantedMinor = 0] = kernel.split('.').map(Number);
    return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  };
  return syscalls.filter(({ includes = {}, excludes = {} }) => {
    if (excludes.arches?.includes(arch) || excludes.caps?.some((cap) => caps.includes(cap))) return false;
    if (excludes.minKernel !== undefined && recent(excludes.minKernel)) return false;
    if (includes.arches?.length && !includes.arches.includes(arch)) return false;
    if (includes.caps && !includes.caps.every((cap) => caps.includes(cap))) return false;
    return includes.minKernel === undefined || recent(includes.minKernel);
  });
}

/** Rules by call, in an order and form of their own; calls that only other machines have are left out. */
function byCall(rules: readonly Rule[]): Map<string, string[]> {
  const found = new Map<string, Set<string>>();
  for (const { names, action, errnoRet, args = [] } of rules)
    for (const name of names) {
      if (/^(riscv|s390)_|^swapcontext$/.test(name)) continue;
      const conditions = args.map(({ index, op, value, valueTwo = 0 }) => `${index} ${op} ${value} ${valueTwo}`);
      const rule = [action, errnoRet ?? '', ...conditions].join(' ');
      found.set(name, (found.get(name) ?? new Set()).add(rule));
    }
  return new Map([...found].map(([name, all]): [string, string[]] => [name, [...all].sort()]).sort());
}

test('dockerSeccomp() means what the published profile means', { skip: published === undefined }, () => {
  if (published === undefined) return;
  const named = published.syscalls.flatMap(({ includes, excludes }) => [
    ...(includes?.caps ?? []),
    ...(excludes?.caps ?? []),
  ]);
  const all = [...new Set([...named, 'CAP_CHOWN'])];
  const sets = [[], all, ...all.map((cap) => [cap]), ...all.map((cap) => all.filter((each) => each !== cap))];
  let state = 1;
  for (let round = 0; round < 30; round++)
    sets.push(
      all.filter(() => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state > 0x80000000;
      }),
    );
  const kernels: [number, number][] = [
    [3, 10],
    [4, 7],
    [4, 8],
    [6, 12],
  ];
  let compared = 0;
  for (const architecture of ['x86-64', 'aarch64'] as const)
    for (const kernel of kernels)
      for (const capabilities of sets) {
        const [major, minor] = kernel;
        const ours = dockerSeccomp({ capabilities, architecture, kernel: { major, minor } });
        const { go, native } = docker[architecture];
        const theirs = byCall(kept(published, capabilities, go, kernel));
        assert.deepEqual(byCall(ours.syscalls), theirs, `${architecture} ${kernel} ${capabilities}`);
        const further: string[] =
          published.archMap.find((entry) => entry.architecture === native)?.subArchitectures ?? [];
        assert.deepEqual(ours.architectures, [native, ...further]);
        assert.equal(ours.defaultAction, published.defaultAction);
        assert.equal(ours.defaultErrnoRet, published.defaultErrnoRet);
        compared++;
      }
  assert.ok(compared > 400);
});
