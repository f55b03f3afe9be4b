import { CommandFailed } from './command-failed.ts';

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of an option's `90s`, `30m`, `2h` or `7d`. Throws `CommandFailed`, which names the option. */
export function readDuration(option: string, text: string): number {
  const [, count, unit = ''] = /^(\d{1,7})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (unitMs[unit] ?? Number.NaN);
  if (!(ms > 0)) throw new CommandFailed(2, `${option} must be a time such as 90s, 30m, 2h or 7d.`);
  return ms;
}
