// Classic BPF as seccomp(2) runs it, for tests. Slow and strict: what the kernel's checker refuses throws here.

export interface SeccompData {
  number: number;
  /** AUDIT_ARCH_*. */
  architecture: number;
  /** Six unsigned 64-bit values; missing ones are zero. */
  args?: readonly bigint[];
}

export interface Run {
  answer: number;
  /** Instructions executed. */
  steps: number;
}

interface Instruction {
  code: number;
  yes: number;
  no: number;
  k: number;
}

/** The array of struct sock_filter as instructions, after the checks of the kernel's `bpf_check_classic` and `seccomp_check_filter`. */
export function disassemble(filter: Uint8Array): Instruction[] {
  if (filter.length % 8 !== 0 || filter.length === 0) throw new Error(`${filter.length} bytes are no filter`);
  const count = filter.length / 8;
  if (count > 4096) throw new Error(`${count} instructions`);
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const program: Instruction[] = [];
  for (let at = 0; at < count; at++) {
    const instruction = {
      code: view.getUint16(at * 8, true),
      yes: view.getUint8(at * 8 + 2),
      no: view.getUint8(at * 8 + 3),
      k: view.getUint32(at * 8 + 4, true),
    };
    check(instruction, at, count);
    program.push(instruction);
  }
  if (program[count - 1]?.code !== 0x06) throw new Error('the last instruction is no return');
  return program;
}

function check({ code, yes, no, k }: Instruction, at: number, count: number): void {
  const within = (offset: number) => at + 1 + offset < count;
  switch (code) {
    case 0x20:
      if (k % 4 === 0 && k < 64) return;
      break;
    case 0x05:
      if (within(k)) return;
      break;
    case 0x15:
    case 0x25:
    case 0x35:
    case 0x45:
      if (within(yes) && within(no)) return;
      break;
    case 0x54:
    case 0x06:
      return;
  }
  throw new Error(`instruction ${at} of ${count} is refused: code ${code}, k ${k}, jumps ${yes} and ${no}`);
}

export function run(program: readonly Instruction[], data: SeccompData): Run {
  let accumulator = 0;
  let at = 0;
  for (let steps = 1; ; steps++) {
    const { code, yes, no, k } = program[at] as Instruction;
    at++;
    switch (code) {
      case 0x20:
        accumulator = word(data, k);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += accumulator === k ? yes : no;
        break;
      case 0x25:
        at += accumulator > k ? yes : no;
        break;
      case 0x35:
        at += accumulator >= k ? yes : no;
        break;
      case 0x45:
        at += (accumulator & k) !== 0 ? yes : no;
        break;
      default:
        return { answer: k, steps };
    }
  }
}

/** A word of struct seccomp_data: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]. */
function word({ number, architecture, args = [] }: SeccompData, offset: number): number {
  if (offset === 0) return number >>> 0;
  if (offset === 4) return architecture;
  if (offset < 16) return 0;
  const value = args[(offset - 16) >> 3] ?? 0n;
  return Number(offset % 8 === 0 ? value & 0xffffffffn : value >> 32n);
}
