/** A second reading of classic BPF, from the bytes: what the kernel would make of a system call (linux/filter.h). */
import type { SystemCall } from './system-call.ts';

export function interpret(filter: Buffer, { architecture, args, number }: SystemCall): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(architecture, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(value, 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < filter.length; at += 8) {
    const [code, jt, jf, k] = [
      filter.readUInt16LE(at),
      filter.readUInt8(at + 2),
      filter.readUInt8(at + 3),
      filter.readUInt32LE(at + 4),
    ];
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x15) at += 8 * (accumulator === k ? jt : jf);
    else if (code === 0x35) at += 8 * (accumulator >= k ? jt : jf);
    else if (code === 0x06) return k;
    else throw new Error(`opcode ${code} at ${at}`);
  }
  throw new Error('the filter ended without a result');
}
