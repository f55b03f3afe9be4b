/** Quantities carry their unit in policy files: `500ms`, `5s`, `2m`, `24h`; `64KiB`, `128MiB`, `1GiB`. */
export const DURATION_PATTERN = '^[1-9][0-9]{0,8}(ms|s|m|h)$';
export const SIZE_PATTERN = '^[1-9][0-9]{0,8}(B|KiB|MiB|GiB)$';

const MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
const BYTES: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

/** Milliseconds of a duration that fits `DURATION_PATTERN`; throws on anything else. */
export function parseDurationMs(text: string): number {
  return parse(text, MILLISECONDS);
}

/** Bytes of a size that fits `SIZE_PATTERN`; throws on anything else. */
export function parseSizeBytes(text: string): number {
  return parse(text, BYTES);
}

function parse(text: string, units: ReadonlyMap<string, number>): number {
  const digits = /^[0-9]+/.exec(text)?.[0];
  const unit = digits === undefined ? undefined : units.get(text.slice(digits.length));
  if (digits === undefined || unit === undefined) throw new Error(`"${text}" is not a quantity`);
  return Number(digits) * unit;
}
