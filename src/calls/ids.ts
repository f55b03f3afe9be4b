/** Ids and random bytes, drawn from the system in blocks: one call of the kernel serves some hundred of ours. */
import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';

const blockBytes = 8192;

/** Random bytes of the system's generator. Each byte is handed out once and wiped from the block. */
export function createRandomSource(): (size: number) => Uint8Array {
  const block = Buffer.alloc(blockBytes);
  let used = blockBytes;
  return (size) => {
    if (size > blockBytes) return randomFillSync(Buffer.alloc(size));
    if (used + size > blockBytes) {
      randomFillSync(block);
      used = 0;
    }
    const bytes = Uint8Array.prototype.slice.call(block, used, used + size);
    block.fill(0, used, used + size);
    used += size;
    return bytes;
  };
}

/** Prefixed ULIDs that sort by time and, within a millisecond, by order of making. */
export function createIdSource(randomBytes: (size: number) => Uint8Array): (prefix: string) => string {
  const ulid = monotonicFactory(() => (randomBytes(1)[0] ?? 0) / 256);
  return (prefix) => `${prefix}_${ulid()}`;
}
