/** Random text for the score: seeded, so that a run can be repeated, and of another generator than the examples in `src`. */
const alphabets: Readonly<Record<string, string>> = {
  d: '0123456789',
  hex: '0123456789abcdef',
  HEX: '0123456789ABCDEF',
  a: 'abcdefghijklmnopqrstuvwxyz',
  a0: 'abcdefghijklmnopqrstuvwxyz0123456789',
  A0: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
  aA: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
  b32: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
  b58: '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz',
  b62: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  b64: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  url: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
  bech: 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L',
};

export interface Random {
  /** 0 to `end`, exclusive. */
  below(end: number): number;
  pick<T>(items: readonly T[]): T;
  text(alphabet: string, units: number): string;
  uuid(): string;
  bytes(length: number): Buffer;
}

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  const text = (name: string, units: number) => {
    const alphabet = alphabets[name];
    if (alphabet === undefined) throw new Error(`no alphabet ${name}`);
    return Array.from({ length: units }, () => alphabet.charAt(below(alphabet.length))).join('');
  };
  const pick = <T>(items: readonly T[]): T => {
    const item = items[below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  return {
    below,
    pick,
    text,
    uuid: () => text('hex', 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5'),
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}

/**
 * Fills a template: `{hex:32}` random text of an alphabet, `{b62:20-40}` of a random length, `{uuid}`, `{UUID}`,
 * `{b64of:12}` base64 of so many random bytes. Everything else stands for itself.
 */
export function fill(template: string, random: Random): string {
  return template.replaceAll(
    /\{(\w+)(?::(\d+)(?:-(\d+))?)?\}/g,
    (whole, name: string, low?: string, high?: string) => {
      if (name === 'uuid') return random.uuid();
      if (name === 'UUID') return random.uuid().toUpperCase();
      if (low === undefined) return whole;
      const units = Number(low) + (high === undefined ? 0 : random.below(Number(high) - Number(low) + 1));
      return name === 'b64of' ? random.bytes(units).toString('base64') : random.text(name, units);
    },
  );
}
