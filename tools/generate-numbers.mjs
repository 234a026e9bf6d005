// Writes src/native/sys/raw/generated/numbers.ts: the numbers of the system calls that sys/ makes, for both machines.
// Usage: node tools/generate-numbers.mjs X86_64_UNISTD_H GENERIC_UNISTD_H
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const [
  x86Header = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
  genericHeader = '/usr/include/asm-generic/unistd.h',
] = process.argv.slice(2);

const calls =
  `accept4 bind bpf capget capset chdir chroot clone clone3 close close_range connect dup3 epoll_create1 epoll_ctl
  eventfd2 epoll_pwait execve execveat exit_group faccessat2 fchdir fchmod fchmodat fchownat fcntl fgetxattr flistxattr flock
  fsconfig fsetxattr fsmount fsopen fstatfs fsync ftruncate getcwd getdents64 getegid geteuid getgid getpgid getpid getppid
  getrandom getsockopt getuid getxattr ioctl ioprio_set keyctl kill linkat listen listxattr lseek lsetxattr madvise
 
  memfd_create mkdirat mknodat mmap mount mount_setattr move_mount munmap name_to_handle_at newfstatat open_tree openat openat2
  personality pidfd_getfd pidfd_open pidfd_send_signal pipe2 pivot_root ppoll prctl pread64 prlimit64 pwrite64 read readlinkat
  recvmsg renameat2 rt_sigaction rt_sigprocmask sched_setaffinity sched_getaffinity sched_setattr seccomp sendfile sendmsg
  set_mempolicy setdomainname setgid setgroups sethostname setns setpgid setpriority setresgid setresuid setsid
  setsockopt shutdown signalfd4 socket socketpair splice statfs statx symlinkat timerfd_create timerfd_settime umask umount2
  uname unlinkat unshare utimensat wait4 waitid write writev clock_gettime`.split(/\s+/);

function numbers(file) {
  const found = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const match = /^#define __NR(?:3264)?_(\w+)\s+(\d+)/.exec(line);
    if (match) found.set(match[1], Number(match[2]));
  }
  return found;
}

const x86 = numbers(x86Header);
const arm = numbers(genericHeader);
arm.set('newfstatat', arm.get('fstatat'));
const lines = ['// Written by tools/generate-numbers.mjs from the kernel headers; do not edit.'];
for (const call of calls.sort()) {
  if (!x86.has(call) || !arm.has(call)) throw new Error(`${call}: not in both headers`);
  lines.push(`export const ${call} = MACHINE === 'x86-64' ? ${x86.get(call)} : ${arm.get(call)};`);
}
writeFileSync(resolve(import.meta.dirname, '../src/native/sys/raw/generated/numbers.ts'), `${lines.join('\n')}\n`);
