import { crc32 } from 'node:zlib';
import type { Random } from '../random.ts';
import { fill } from '../random.ts';

/** A form in which a vendor hands out a secret, written from what the vendor publishes and not from the detectors. */
export interface TokenFormat {
  readonly vendor: string;
  /** Detectors that may name it. */
  readonly detectors: readonly string[];
  /** `distinctive`: it can be known anywhere. `named`: only beside the vendor's name. */
  readonly kind: 'distinctive' | 'named';
  /** The variable that vendors' manuals keep it in. */
  readonly variable: string;
  readonly make: (random: Random) => string;
}

/** `vendor, detectors (space between), variable, template`. */
export type Row = readonly [vendor: string, detectors: string, variable: string, template: string];

export function formatsOf(kind: TokenFormat['kind'], rows: readonly Row[]): TokenFormat[] {
  return rows.map(([vendor, detectors, variable, template]) => ({
    vendor,
    detectors: detectors.split(' '),
    kind,
    variable,
    make: (random) => fill(template, random),
  }));
}

/** Prefix, random text, and its CRC-32 in base 62 (github.blog, Behind GitHub's new authentication token formats). */
export function checksummed(prefix: string, random: Random): string {
  const body = random.text('b62', 30);
  return `${prefix}${body}${base62(crc32(body)).padStart(6, '0')}`;
}

function base62(value: number): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  return value === 0 ? '' : base62(Math.floor(value / 62)) + digits.charAt(value % 62);
}

export function base64Json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64');
}
