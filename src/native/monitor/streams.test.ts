import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Loop } from '#loop/loop.ts';
import { door, type SyscallArgument, useDoor } from '#sys/door.ts';
import * as NR from '#sys/raw/generated/numbers.ts';
import { Streams } from './streams.ts';

/** These need a kernel, and so run inside the binary alone. */
const onKernel = (name: string, body: () => void) => door !== undefined && test(name, body);

onKernel('Streams.finish() ends though others fill the pipes as fast as they are read', () => {
  using loop = new Loop();
  const ended: string[] = [];
  using streams = new Streams(loop, { stdin: 'none', sink: { write() {}, end: (stream) => ended.push(stream) } });
  let reads = 0;
  const syscall = (number: number, ...rest: SyscallArgument[]) => {
    if (number !== NR.read) return kernel.syscall(number, ...rest);
    if (++reads > 10_000) throw new RangeError('it reads for ever');
    return rest[2] as number;
  };
  const kernel = useDoor(Object.assign(Object.create(door), { syscall }));
  try {
    loop.run(() => streams.finish());
  } finally {
    useDoor(kernel);
  }
  assert.deepEqual(ended, ['stdout', 'stderr']);
  assert.equal(reads, 2 * 64);
});
