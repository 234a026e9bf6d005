// Appends to a binary the memory of each of its programs as it is when main() would be called: host/snapshot.c reads it
// back at a start. A program is run to that point twice, at different addresses: words that differ by the distance of
// the two are pointers into the binary, to be moved at each start. Any other difference fails the build.
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';

/** Where the memory lies, and what of struct arena is read here: host/host.h. */
const ARENA = 0x4000000000;
const NEXT = 0;
const IMAGE = 8;

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Larger than any page, so that what lies at a multiple of it can be mapped. */
const ALIGNMENT = 65536;

export async function appendSnapshots(binary, entries) {
  const heads = [];
  for (const entry of entries) {
    const { memory, pointers } = snapshotOf(entry, await memoryOf(binary, entry), await memoryOf(binary, entry));
    heads.push({ entry, memory, pointers });
  }
  const index = [];
  for (const { entry, memory, pointers } of heads) {
    const end = statSync(binary).size;
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    appendFileSync(
      binary,
      Buffer.concat([Buffer.alloc(offset - end), memory, Buffer.from(Uint32Array.from(pointers).buffer)]),
    );
    const head = Buffer.alloc(56);
    head.write(`${entry}.js`);
    [offset, memory.length, pointers.length].forEach((value, at) => {
      head.writeBigUInt64LE(BigInt(value), 32 + at * 8);
    });
    index.push(head);
  }
  const footer = Buffer.alloc(16);
  footer.write('PROASNAP');
  footer.writeBigUInt64LE(BigInt(index.length), 8);
  appendFileSync(binary, Buffer.concat([...index, footer]));
}

/** The memory of a program that has stopped where it would begin, and where its binary was. */
async function memoryOf(binary, entry) {
  const child = spawn(binary, ['--snapshot', `${entry}.js`], { stdio: ['ignore', 'ignore', 'inherit'], env: {} });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  try {
    await stopped(child);
    const file = openSync(`/proc/${child.pid}/mem`, 'r');
    try {
      const head = read(file, ARENA, 16);
      const memory = read(file, ARENA, Number(head.readBigUInt64LE(NEXT)) - ARENA);
      return { memory, image: head.readBigUInt64LE(IMAGE) };
    } finally {
      closeSync(file);
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
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

/** The stack's bounds, which the host sets anew at each start, and the seed of Math.random, which nothing here uses. */
const EXPECTED_DIFFERENCES = 4;

function snapshotOf(entry, first, second) {
  const size = first.memory.length;
  if (second.memory.length !== size) throw new Error(`${entry}: two runs needed different amounts of memory`);
  const distance = second.image - first.image;
  if (distance === 0n) throw new Error('the binary was at the same address twice: is address randomisation off?');
  const pointers = [];
  const others = [];
  for (let at = 0; at < size; at += 8) {
    const a = first.memory.readBigUInt64LE(at);
    const b = second.memory.readBigUInt64LE(at);
    if (a === b) continue;
    if (b - a === distance) pointers.push(at);
    else others.push(`${at.toString(16)}: ${a.toString(16)} and ${b.toString(16)}`);
  }
  // arena->image itself stays what it was: the host measures by it how far to move.
  pointers.splice(pointers.indexOf(IMAGE), 1);
  if (others.length > EXPECTED_DIFFERENCES)
    throw new Error(`${entry}: memory that differs from run to run:\n${others.join('\n')}`);
  return { memory: first.memory, pointers };
}
