// Appends to a binary the memory of each of its programs as it is when main() would be called: host/host.c reads it back
// at a start. A program is run to that point twice, at different addresses: words that differ by the distance of the two
// are pointers into the binary, to be moved at each start. Any other difference fails the build.
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
  writeSync,
} from 'node:fs';
import { isForeign, runOf } from './target.mjs';

/** Where the memory lies: struct arena, whose first word says where it ends, and another how much bytecode was read: host/host.h. */
const ARENA = 0x4000000000;
const LOADED = 88;

/** Of struct program: its names before the three numbers that are written here. */
const NAMES = 24 + 24 + 32;

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Larger than any page, so that what lies at a multiple of it can be mapped. */
const ALIGNMENT = 65536;

/** `programs` as in tools/programs.mjs, in the order of the binary's table. */
export async function appendSnapshots(binary, programs) {
  const heads = [];
  for (const { name } of programs)
    heads.push(snapshotOf(name, await memoryOf(binary, name), await memoryOf(binary, name)));
  let place = placeOfTable(binary, programs);
  for (const [index, { name, aliases = [] }] of programs.entries()) {
    const { memory, pointers } = heads[index];
    const end = statSync(binary).size;
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    appendFileSync(
      binary,
      Buffer.concat([Buffer.alloc(offset - end), memory, Buffer.from(Uint32Array.from(pointers).buffer)]),
    );
    const numbers = Buffer.from(BigUint64Array.from([offset, memory.length, pointers.length].map(BigInt)).buffer);
    const file = openSync(binary, 'r+');
    for (const _ of [name, ...aliases]) {
      writeSync(file, numbers, 0, numbers.length, place + NAMES);
      place += NAMES + numbers.length;
    }
    closeSync(file);
  }
}

function placeOfTable(binary, [{ name, entry }]) {
  const first = Buffer.alloc(48);
  first.write(name);
  first.write(`${entry}.js`, 24);
  const content = readFileSync(binary);
  const place = content.indexOf(first);
  if (place < 0 || content.indexOf(first, place + 1) >= 0) throw new Error('the table of programs is not to be found');
  return place;
}

/** The memory of a program that has stopped where it would begin, and where its binary was. */
async function memoryOf(binary, name) {
  const child = spawn(...runOf(binary, name, ['--snapshot'], { stdio: ['ignore', 'ignore', 'inherit'], env: {} }));
  const ended = new Promise((resolve) => child.on('exit', resolve));
  try {
    await stopped(child);
    const file = openSync(`/proc/${child.pid}/mem`, 'r');
    try {
      const next = Number(read(file, ARENA, 8).readBigUInt64LE());
      return { memory: read(file, ARENA, next - ARENA), image: imageOf(child.pid, binary) };
    } finally {
      closeSync(file);
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

/** Where the binary begins in a process: proc_pid_maps(5). An emulator's process has its own as executable. */
function imageOf(pid, binary) {
  const path = isForeign() ? realpathSync(binary) : readlinkSync(`/proc/${pid}/exe`);
  const line = readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .find((text) => text.endsWith(` ${path}`));
  return BigInt(`0x${line.slice(0, line.indexOf('-'))}`);
}

async function stopped(child) {
  for (let tries = 0; tries < 500; tries++) {
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    if (stat.slice(stat.lastIndexOf(')') + 2)[0] === 'T') return;
    if (child.exitCode !== null) throw new Error('the program ended before its main()');
    await sleep(10);
  }
  throw new Error('the program did not stop before its main()');
}

function read(file, at, length) {
  const buffer = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, buffer, done, length - done, at + done);
    if (count <= 0) throw new Error('the memory of the program ended early');
    done += count;
  }
  return buffer;
}

/** Places of the stack, which the host sets anew at each start, and the seed of Math.random, which nothing here uses. */
const EXPECTED_DIFFERENCES = 6;

function snapshotOf(name, first, second) {
  const size = first.memory.length;
  if (second.memory.length !== size) throw new Error(`${name}: two runs needed different amounts of memory`);
  const distance = second.image - first.image;
  if (distance === 0n) throw new Error('the binary was at the same address twice: is address randomisation off?');
  const pointers = [];
  const others = [];
  for (let at = 0; at < size; at += 8) {
    const a = first.memory.readBigUInt64LE(at);
    const b = second.memory.readBigUInt64LE(at);
    if (a === b) continue;
    // An emulator's stack may move with the binary, but lies before it.
    if (b - a === distance && a >= first.image) {
      pointers.push(at);
      first.memory.writeBigUInt64LE(a - first.image, at);
    } else others.push(`${at.toString(16)}: ${a.toString(16)} and ${b.toString(16)}`);
  }
  // A start from the snapshot reads none of the bytecode that was counted.
  first.memory.writeBigUInt64LE(0n, LOADED);
  if (others.length > EXPECTED_DIFFERENCES)
    throw new Error(`${name}: memory that differs from run to run:\n${others.join('\n')}`);
  return { memory: first.memory, pointers };
}
