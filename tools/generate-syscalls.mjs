// Generates src/native/runtime/seccomp/generated/ from kernel headers.
// Arguments: --check compares instead of writing; --headers=DIRECTORY is where Debian's linux-libc-dev is unpacked,
// "/" unless given. It must be 6.12 or newer (`apt-get download linux-libc-dev`, `dpkg -x`): that package holds every
// architecture, in usr/lib/linux/uapi. Older packages know one architecture and too few calls.
// The check needs the headers of the same kernel release that the files were made from. On a machine without them it
// says so and passes: newer headers would differ without anything being wrong.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../src/native/runtime/seccomp/generated');
const checking = process.argv.includes('--check');
const headers = process.argv.find((word) => word.startsWith('--headers='))?.slice('--headers='.length) ?? '/';
const uapi = join(headers, 'usr/lib/linux/uapi');

// Slots beyond every call of the common range; the comments that are generated explain them.
const x32First = 520;
const unwiredFirst = 960;
const armPrivateFirst = 1000;
const x32Bit = 0x40000000;

/** Name to number, from lines such as `#define __NR_read 0` and `#define __NR_read (__NR_SYSCALL_BASE + 3)`. */
function numbersIn(path, prefix = '__NR_') {
  const found = new Map();
  const line = new RegExp(`^#define\\s+${prefix}(\\w+)\\s+\\(?(?:\\w+\\s*\\+\\s*)?(\\d+)\\)?\\s*(?:/\\*.*)?$`, 'gm');
  for (const [, name, number] of readFileSync(path, 'utf8').matchAll(line)) found.set(name, Number(number));
  if (found.size === 0) stop(`no calls found in ${path}`);
  return found;
}

function release() {
  const path = join(headers, 'usr/include/linux/version.h');
  if (!existsSync(join(uapi, 'x86/asm/unistd_64.h')) || !existsSync(path)) return undefined;
  const code = Number(/LINUX_VERSION_CODE (\d+)/.exec(readFileSync(path, 'utf8'))[1]);
  return `${code >> 16}.${(code >> 8) & 255}`;
}

function x86() {
  const native = numbersIn(join(uapi, 'x86/asm/unistd_64.h'));
  const compat = numbersIn(join(uapi, 'x86/asm/unistd_32.h'));
  const x32 = numbersIn(join(uapi, 'x86/asm/unistd_x32.h'));
  const moved = [];
  for (const [name, number] of x32) {
    if (number >= 512) moved[number - 512] = native.get(name) + 1;
    else if (native.get(name) !== number) stop(`x32 numbers ${name} ${number}, which x86-64 does not`);
  }
  if (moved.includes(undefined) || moved.some(Number.isNaN)) stop('x32 has a hole after 512, or a call of its own');

  // Calls of socketcall(2) and ipc(2) that have no number of their own on i386 get a slot all the same.
  let unwired = unwiredFirst;
  const slotOf = (name) => {
    if (!compat.has(name)) compat.set(name, unwired++ - 1);
    return compat.get(name) + 1;
  };
  const multiplexed = (path, prefix, from, to) =>
    [...numbersIn(join(headers, 'usr/include/linux', path), prefix)]
      .filter(([name]) => from.test(name))
      .map(([name, code]) => [code, slotOf(to(name))]);
  const socketcall = multiplexed('net.h', 'SYS_', /./, (name) => name.toLowerCase());
  const ipc = multiplexed('ipc.h', '', /^(SEM|MSG|SHM)/, (name) => name.toLowerCase());
  return [
    table(native, compat, 'x86-64', 'i386'),
    '',
    `// x32 numbers these calls ${x32Bit} + 512 and up; here stand their slots on x86-64. Their own begin at ${x32First}.`,
    `export const x32Moved: readonly number[] = ${JSON.stringify(moved)};`,
    '',
    '// i386 also reaches these through one call: the value of its first argument, then the slot of the call that it means.',
    `// Slots from ${unwiredFirst} stand for calls that have no number of their own.`,
    `export const socketcall: readonly (readonly [number, number])[] = ${JSON.stringify(socketcall)};`,
    `export const ipc: readonly (readonly [number, number])[] = ${JSON.stringify(ipc)};`,
  ];
}

function arm() {
  const native = numbersIn(join(uapi, 'arm64/asm/unistd_64.h'));
  const compat = numbersIn(join(uapi, 'arm/asm/unistd-eabi.h'));
  const other = join(uapi, 'arm/asm/unistd.h');
  if (/__NR_sync_file_range2\s+__NR_arm_sync_file_range/.test(readFileSync(other, 'utf8')))
    compat.set('sync_file_range2', compat.get('arm_sync_file_range'));
  for (const [name, number] of numbersIn(other, '__ARM_NR_'))
    if (name !== 'BASE') compat.set(name, armPrivateFirst + number - 1);
  return [
    `// Slots from ${armPrivateFirst} stand for ARM's private calls, 0xf0000 and up.`,
    table(native, compat, 'aarch64', 'arm'),
  ];
}

function table(native, compat, nativeName, compatName) {
  const names = [...new Set([...native.keys(), ...compat.keys()])].sort();
  const slot = (numbers, name) => (numbers.has(name) ? numbers.get(name) + 1 : 0);
  for (const [name, number] of [...native, ...compat]) if (!(number >= 0 && number < 1023)) stop(`${name}: ${number}`);
  const lines = names.map((name) => `  ${name}: ${slot(native, name) | (slot(compat, name) << 10)},`);
  return [
    `// A call's slot is its number plus one, or zero where the architecture lacks it: ${nativeName} in the low ten bits,`,
    `// ${compatName} above. No prototype, so that "constructor" is no call.`,
    'export const numbers: { readonly [name: string]: number } = {',
    '  __proto__: null as never,',
    ...lines,
    '};',
  ].join('\n');
}

function stop(message) {
  console.error(`generate-syscalls: ${message}`);
  process.exit(1);
}

const version = release();
if (version === undefined) {
  if (!checking) stop(`no headers of linux-libc-dev 6.12 or newer in ${headers}: give --headers=DIRECTORY`);
  console.log(`generate-syscalls: not checked, no headers of linux-libc-dev 6.12 or newer in ${headers}`);
  process.exit(0);
}
mkdirSync(folder, { recursive: true });
for (const [name, body] of Object.entries({ x86, arm })) {
  const path = join(folder, `${name}.ts`);
  const head = '// Generated by tools/generate-syscalls.mjs from the headers of Linux';
  const text = [`${head} ${version}. Do not edit.`, ...body(), ''].join('\n');
  if (!checking) writeFileSync(path, text);
  else if (!readFileSync(path, 'utf8').startsWith(`${head} ${version}.`))
    console.log(`generate-syscalls: ${name}.ts not checked, it was made from other headers than those of ${version}`);
  else if (readFileSync(path, 'utf8') !== text) stop(`${path} differs from what the headers give: npm run generate`);
}
