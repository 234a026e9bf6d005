// The structures that sys/ packs, compared with what the C compiler makes of the system's headers.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Layout } from '#sys/layout.ts';
import { zStream, zstdBuffer } from '#sys/library.ts';
import * as file from '#sys/raw/file.ts';
import * as mount from '#sys/raw/mount.ts';
import * as process from '#sys/raw/process.ts';
import * as wait from '#sys/raw/wait.ts';
import { timespec } from '#sys/time.ts';

/** Our structures by their C type; `fields` where ours is named otherwise, null where it is padding of ours. */
const structures: { layout: Layout<never>; type: string; fields?: Record<string, string | null> }[] = [
  { layout: file.openHow as Layout<never>, type: 'struct open_how' },
  {
    layout: file.statxLayout as Layout<never>,
    type: 'struct statx',
    fields: {
      spare: null,
      atime_pad: null,
      btime_pad: null,
      ctime_pad: null,
      mtime_pad: null,
      ...Object.fromEntries(
        ['atime', 'btime', 'ctime', 'mtime'].flatMap((name) => [
          [`${name}_sec`, `stx_${name}.tv_sec`],
          [`${name}_nsec`, `stx_${name}.tv_nsec`],
        ]),
      ),
    },
  },
  {
    layout: file.statfsLayout as Layout<never>,
    type: 'struct statfs',
  },
  { layout: file.flockLayout as Layout<never>, type: 'struct flock' },
  { layout: mount.mountAttr as Layout<never>, type: 'struct mount_attr' },
  { layout: process.cloneArgs as Layout<never>, type: 'struct clone_args' },
  { layout: process.rlimit64 as Layout<never>, type: 'struct rlimit64' },
  { layout: process.schedAttr as Layout<never>, type: 'struct sched_attr' },
  { layout: process.siginfo as Layout<never>, type: 'siginfo_t', fields: { pad: null } },
  { layout: wait.msghdr as Layout<never>, type: 'struct msghdr' },
  { layout: wait.iovec as Layout<never>, type: 'struct iovec' },
  { layout: wait.cmsghdr as Layout<never>, type: 'struct cmsghdr' },
  { layout: wait.signalfdSiginfo as Layout<never>, type: 'struct signalfd_siginfo' },
  {
    layout: wait.pollfd as Layout<never>,
    type: 'struct pollfd',
    fields: { fd: 'fd', events: 'events', revents: 'revents' },
  },
  {
    layout: wait.ifreq as Layout<never>,
    type: 'struct ifreq',
    fields: { name: null, name_rest: null, flags: 'ifr_flags' },
  },
  {
    layout: wait.itimerspec as Layout<never>,
    type: 'struct itimerspec',
    fields: {
      interval_sec: 'it_interval.tv_sec',
      interval_nsec: 'it_interval.tv_nsec',
      value_sec: 'it_value.tv_sec',
      value_nsec: 'it_value.tv_nsec',
    },
  },
  { layout: timespec as Layout<never>, type: 'struct timespec' },
  { layout: zStream as Layout<never>, type: 'z_stream' },
  { layout: zstdBuffer as Layout<never>, type: 'ZSTD_inBuffer' },
];

const prefixes: Record<string, string> = {
  'struct statx': 'stx_',
  'struct statfs': 'f_',
  'struct flock': 'l_',
  'struct rlimit64': 'rlim_',
  'struct sched_attr': 'sched_',
  siginfo_t: 'si_',
  'struct msghdr': 'msg_',
  'struct iovec': 'iov_',
  'struct cmsghdr': 'cmsg_',
  'struct signalfd_siginfo': 'ssi_',
  'struct timespec': 'tv_',
};

const headers = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <net/if.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/stat.h>
#include <nettle/sha2.h>
#include <zlib.h>
#include <zstd.h>
`;

function cField(type: string, field: string, fields: Record<string, string | null> | undefined): string | null {
  const given = fields?.[field];
  if (given !== undefined) return given;
  // statfs and sched_attr name two fields without their prefix.
  if (type === 'struct sched_attr' && field === 'size') return 'size';
  return `${prefixes[type] ?? ''}${field}`;
}

test('every packed structure has the size and the places that the C headers give it', () => {
  const lines: string[] = [];
  const expected: string[] = [];
  for (const { layout, type, fields } of structures) {
    lines.push(`printf("%s %zu\\n", "${type}", sizeof(${type}));`);
    expected.push(`${type} ${layout.size}`);
    for (const [field, offset] of Object.entries(layout.offsets)) {
      const name = cField(type, field, fields);
      if (name === null) continue;
      lines.push(`printf("%s.%s %zu\\n", "${type}", "${field}", offsetof(${type}, ${name}));`);
      expected.push(`${type}.${field} ${offset}`);
    }
  }
  lines.push('printf("epoll_event %zu %zu\\n", sizeof(struct epoll_event), offsetof(struct epoll_event, data));');
  expected.push(`epoll_event ${wait.epollEventSize} ${wait.epollDataOffset}`);
  const directory = mkdtempSync(join(tmpdir(), 'proa-layouts-'));
  try {
    const source = join(directory, 'layouts.c');
    writeFileSync(source, `${headers}int main(void) {\n${lines.join('\n')}\nreturn 0;\n}\n`);
    execFileSync('cc', ['-o', join(directory, 'layouts'), source], { stdio: ['ignore', 'inherit', 'pipe'] });
    const output = execFileSync(join(directory, 'layouts'), { encoding: 'utf8' });
    assert.deepEqual(output.trim().split('\n'), expected);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
