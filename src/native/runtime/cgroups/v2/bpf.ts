import { addressOf, utf8 } from '#sys/bytes.ts';
import { EACCES, EAGAIN, EINVAL, ENOSPC, EPERM } from '#sys/errno.ts';
import { check, SystemError } from '#sys/errors.ts';
import { OwnedFd, owned } from '#sys/fd.ts';
import { layout } from '#sys/layout.ts';
import { bpf, prlimit64, rlimit64 } from '#sys/raw/process.ts';

const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
const BPF_PROG_DETACH = 9;
const BPF_PROG_GET_FD_BY_ID = 13;
const BPF_PROG_QUERY = 16;
const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
const BPF_CGROUP_DEVICE = 6;
const BPF_F_ALLOW_MULTI = 2;
const BPF_F_REPLACE = 4;

// union bpf_attr, one member for each command: linux/bpf.h.
const loadAttributes = layout('bpf_attr', {
  prog_type: 'u32',
  insn_cnt: 'u32',
  insns: 'u64',
  license: 'u64',
  log_level: 'u32',
  log_size: 'u32',
  log_buf: 'u64',
  kern_version: 'u32',
  prog_flags: 'u32',
});
const attachAttributes = layout('bpf_attr', {
  target_fd: 'u32',
  attach_bpf_fd: 'u32',
  attach_type: 'u32',
  attach_flags: 'u32',
  replace_bpf_fd: 'u32',
});
// Linux 6.17 to 7.1 write `revision` whatever size they are told: the field must be there.
const queryAttributes = layout('bpf_attr', {
  target_fd: 'u32',
  attach_type: 'u32',
  query_flags: 'u32',
  attach_flags: 'u32',
  prog_ids: 'u64',
  prog_cnt: 'u32',
  prog_attach_flags: 'u64',
  link_ids: 'u64',
  link_attach_flags: 'u64',
  revision: 'u64',
});
const idAttributes = layout('bpf_attr', { id: 'u32', next_id: 'u32', open_flags: 'u32' });

/** Makes `program` the one device filter of a version 2 cgroup; `fresh` when the cgroup cannot have one yet. */
export function attachDeviceProgram(cgroup: OwnedFd, program: Uint8Array, fresh: boolean): void {
  using loaded = loadProgram(program);
  const present = fresh ? [] : attachedPrograms(cgroup);
  try {
    const [only] = present;
    // Linux 5.6 puts one in another's place, so that there is no moment without either.
    if (present.length === 1 && only && attach(cgroup, loaded, only) !== -EINVAL) return;
    check(attach(cgroup, loaded, undefined), 'bpf', 'attach a device filter');
    // All filters of a cgroup must agree: an old one would go on denying.
    for (const old of present) {
      const attributes = attachAttributes.pack({
        target_fd: cgroup.number,
        attach_bpf_fd: old.number,
        attach_type: BPF_CGROUP_DEVICE,
      });
      check(bpf(BPF_PROG_DETACH, attributes), 'bpf', 'detach a device filter');
    }
  } finally {
    for (const old of present) old.close();
  }
}

/** 0 or -EINVAL; throws for anything else. */
function attach(cgroup: OwnedFd, program: OwnedFd, replaced: OwnedFd | undefined): number {
  const attributes = attachAttributes.pack({
    target_fd: cgroup.number,
    attach_bpf_fd: program.number,
    attach_type: BPF_CGROUP_DEVICE,
    attach_flags: replaced ? BPF_F_ALLOW_MULTI | BPF_F_REPLACE : BPF_F_ALLOW_MULTI,
    replace_bpf_fd: replaced?.number ?? 0,
  });
  const result = bpf(BPF_PROG_ATTACH, attributes);
  return result === -EINVAL ? result : check(result, 'bpf', 'attach a device filter');
}

const LOAD_TRIES = 30;

function loadProgram(program: Uint8Array): OwnedFd {
  // The verifier looks at the licence only for helpers that it reserves; ours calls none.
  const license = utf8('Apache-2.0\0');
  const attributes = loadAttributes.pack({
    prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
    insn_cnt: program.length / 8,
    insns: addressOf(program),
    license: addressOf(license),
  });
  let result = 0;
  // A signal interrupts the verifier with EAGAIN.
  for (let tries = 0; tries < LOAD_TRIES; tries++) {
    result = bpf(BPF_PROG_LOAD, attributes);
    if (result === -EPERM && tries === 0) result = withUnlimitedMemoryLock(() => bpf(BPF_PROG_LOAD, attributes));
    if (result !== -EAGAIN) break;
  }
  return owned(result, 'bpf', 'load a device filter');
}

const RLIMIT_MEMLOCK = 8;
const RLIM_INFINITY = (1n << 64n) - 1n;

/** Before Linux 5.11 programs count as locked memory, of which a service may have little. */
function withUnlimitedMemoryLock(body: () => number): number {
  const before = rlimit64.pack({});
  if (prlimit64(0, RLIMIT_MEMLOCK, rlimit64.pack({ cur: RLIM_INFINITY, max: RLIM_INFINITY }), before) < 0)
    return -EPERM;
  const result = body();
  prlimit64(0, RLIMIT_MEMLOCK, before, null);
  return result;
}

/** BPF_CGROUP_MAX_PROGS in the kernel. */
const PROGRAM_LIMIT = 64;

function attachedPrograms(cgroup: OwnedFd): OwnedFd[] {
  const ids = new Uint8Array(PROGRAM_LIMIT * 4);
  const attributes = queryAttributes.pack({
    target_fd: cgroup.number,
    attach_type: BPF_CGROUP_DEVICE,
    prog_ids: addressOf(ids),
    prog_cnt: PROGRAM_LIMIT,
  });
  const result = bpf(BPF_PROG_QUERY, attributes);
  if (result !== -ENOSPC) check(result, 'bpf', 'list device filters');
  const count = Math.min(queryAttributes.get(attributes, 'prog_cnt'), PROGRAM_LIMIT);
  const view = new DataView(ids.buffer);
  const programs: OwnedFd[] = [];
  for (let index = 0; index < count; index++) {
    const fd = bpf(BPF_PROG_GET_FD_BY_ID, idAttributes.pack({ id: view.getUint32(index * 4, true) }));
    // A security module may keep another's program from us. It can only forbid more, so it may stay.
    if (fd === -EACCES || fd === -EPERM) continue;
    if (fd < 0) throw new SystemError('bpf', -fd, 'open a device filter');
    programs.push(new OwnedFd(fd));
  }
  return programs;
}
