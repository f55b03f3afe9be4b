/**
 * Classic BPF as the kernel's seccomp filters take it: an array of `struct sock_filter {u16 code; u8 jt; u8 jf; u32 k}`
 * in host order (linux/filter.h, linux/bpf_common.h; seccomp(2)). x86_64 and aarch64 Linux are little endian.
 */

export interface Instruction {
  readonly code: number;
  /** Instructions to skip when a jump's test is true, and when it is false; 0 elsewhere. */
  readonly jt: number;
  readonly jf: number;
  /** Operand: offset, value, mask or what to return. Unsigned, 32 bits. */
  readonly k: number;
}

/** Offsets in `struct seccomp_data {int nr; u32 arch; u64 instruction_pointer; u64 args[6]}`. */
export const dataOffset = {
  number: 0,
  architecture: 4,
  argumentLow: (index: number): number => 16 + 8 * index,
  argumentHigh: (index: number): number => 20 + 8 * index,
} as const;

/** What a filter returns (linux/seccomp.h). */
export const action = {
  allow: 0x7fff0000,
  killProcess: 0x80000000,
  errno: (errno: number): number => 0x00050000 + errno,
} as const;

/** BPF_LD | BPF_W | BPF_ABS, BPF_ALU | BPF_AND | BPF_K, BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JGE | BPF_K, BPF_RET | BPF_K. */
export const opcode = {
  load: 0x20,
  and: 0x54,
  jumpIfEqual: 0x15,
  jumpIfAtLeast: 0x35,
  result: 0x06,
} as const;

export function load(offset: number): Instruction {
  return { code: opcode.load, jt: 0, jf: 0, k: offset };
}

export function and(mask: number): Instruction {
  return { code: opcode.and, jt: 0, jf: 0, k: mask };
}

export function jumpIfEqual(value: number, jt: number, jf: number): Instruction {
  return { code: opcode.jumpIfEqual, jt, jf, k: value };
}

export function jumpIfAtLeast(value: number, jt: number, jf: number): Instruction {
  return { code: opcode.jumpIfAtLeast, jt, jf, k: value };
}

export function result(value: number): Instruction {
  return { code: opcode.result, jt: 0, jf: 0, k: value };
}

/** BPF_MAXINSNS. */
const instructionsMax = 4096;
const jumpMax = 255;

/** The program's bytes. Throws for what the kernel would refuse: no instructions, too many, a jump out of its byte. */
export function assemble(program: readonly Instruction[]): Buffer {
  if (program.length === 0 || program.length > instructionsMax)
    throw new RangeError(`a filter of ${program.length} instructions`);
  const words = new Uint32Array(program.length * 2);
  let at = 0;
  for (const { code, jt, jf, k } of program) {
    if (jt > jumpMax || jf > jumpMax) throw new RangeError(`a jump over ${Math.max(jt, jf)} instructions`);
    words[at] = code | (jt << 16) | (jf << 24);
    words[at + 1] = k;
    at += 2;
  }
  return Buffer.from(words.buffer);
}
