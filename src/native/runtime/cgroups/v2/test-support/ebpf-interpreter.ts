// eBPF as the kernel runs a program of type BPF_PROG_TYPE_CGROUP_DEVICE, for tests: the few instructions that ours have.
// What the verifier refuses throws here.

export interface DeviceRequest {
  type: 'b' | 'c';
  major: number;
  minor: number;
  /** Some of `rwm`. */
  access: string;
}

interface Instruction {
  code: number;
  destination: number;
  source: number;
  offset: number;
  immediate: number;
}

const known = new Set([0x61, 0xbf, 0xb7, 0x57, 0x77, 0x55, 0x45, 0x05, 0x95]);
const jumps = new Set([0x55, 0x45, 0x05]);

/** Instructions of a program, after the checks that need no run: opcodes, registers, and jumps that only go forward. */
export function disassemble(program: Uint8Array): Instruction[] {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const count = program.length / 8;
  if (!Number.isInteger(count) || count === 0 || count > 4096)
    throw new Error(`${program.length} bytes are no program`);
  const instructions: Instruction[] = [];
  for (let at = 0; at < count; at++) {
    const registers = view.getUint8(at * 8 + 1);
    const instruction = {
      code: view.getUint8(at * 8),
      destination: registers & 15,
      source: registers >> 4,
      offset: view.getInt16(at * 8 + 2, true),
      immediate: view.getInt32(at * 8 + 4, true),
    };
    const { code, destination, source, offset } = instruction;
    if (!known.has(code) || destination > 9 || source > 10) throw new Error(`instruction ${at} is refused: ${code}`);
    if (jumps.has(code) && (offset < 0 || at + 1 + offset >= count))
      throw new Error(`jump at ${at} leaves the program`);
    instructions.push(instruction);
  }
  if (instructions[count - 1]?.code !== 0x95) throw new Error('the last instruction is no exit');
  return instructions;
}

/** The answer of the program: whether access is allowed. Throws when a register is read that nobody has written. */
export function run(program: readonly Instruction[], { type, major, minor, access }: DeviceRequest): boolean {
  const bits = (access.includes('m') ? 1 : 0) | (access.includes('r') ? 2 : 0) | (access.includes('w') ? 4 : 0);
  const context = [(type === 'b' ? 1 : 2) | (bits << 16), major, minor];
  const registers: (bigint | undefined)[] = [];
  const get = (register: number): bigint => {
    const value = registers[register];
    if (value === undefined) throw new Error(`register ${register} was never written`);
    return value;
  };
  for (let at = 0; ; at++) {
    const { code, destination, source, offset, immediate } = program[at] as Instruction;
    const extended = BigInt.asUintN(64, BigInt(immediate));
    if (code === 0x61) {
      if (source !== 1) throw new Error('only the context may be read');
      registers[destination] = BigInt(context[offset / 4] as number);
    } else if (code === 0xbf) registers[destination] = get(source);
    else if (code === 0xb7) registers[destination] = extended;
    else if (code === 0x57) registers[destination] = get(destination) & extended;
    else if (code === 0x77) registers[destination] = get(destination) >> extended;
    else if (code === 0x55) at += get(destination) === extended ? 0 : offset;
    else if (code === 0x45) at += (get(destination) & extended) === 0n ? 0 : offset;
    else if (code === 0x05) at += offset;
    else return get(0) !== 0n;
  }
}
