/** The numbers of a load as text. */
import type { Report, Sample } from './plan.ts';

export function percentile(samples: readonly Sample[], share: number): number {
  const sorted = samples.map(({ ms }) => ms).toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function byTenant({ samples }: Report): Map<string, Sample[]> {
  return Map.groupBy(samples, ({ tenant }) => tenant);
}

export function byKind({ samples }: Report): Map<string, Sample[]> {
  return Map.groupBy(samples, ({ kind }) => kind);
}

/** Of each group: how many, and p50 and p99 of both, milliseconds. */
export function compare(quiet: Map<string, Sample[]>, loaded: Map<string, Sample[]>): string {
  const rows = [...loaded].map(([name, samples]) => {
    const before = quiet.get(name) ?? [];
    const times = [
      percentile(before, 0.5),
      percentile(before, 0.99),
      percentile(samples, 0.5),
      percentile(samples, 0.99),
    ];
    const ratio = (times[3] ?? 0) / (times[1] ?? 1);
    const cells = [name, String(samples.length), ...times.map((ms) => ms.toFixed(1)), ratio.toFixed(2)];
    return cells.map((cell, at) => (at === 0 ? cell.padEnd(12) : cell.padStart(10))).join('');
  });
  const head = ['', 'n', 'quiet p50', 'p99', 'load p50', 'p99', 'ratio'];
  return [head.map((cell, at) => (at === 0 ? cell.padEnd(12) : cell.padStart(10))).join(''), ...rows].join(
    '\n',
  );
}

/** The slowest hundredth and as many again, in the order in which they were due: what a 99th percentile is made of. */
export function slowest({ samples }: Report): string {
  const count = Math.ceil(samples.length / 50);
  const slow = samples.toSorted((a, b) => b.ms - a.ms).slice(0, count);
  return slow
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ tenant, kind, atMs, ms, course }) => {
      const cells = [(atMs / 1000).toFixed(1), ms.toFixed(0)].map((cell) => cell.padStart(8));
      const how =
        course === undefined
          ? ''
          : `${course.isWarm ? 'warm' : 'cold'}, waited ${course.queueMs}, ran ${course.wallMs.toFixed(0)}`;
      return `${tenant.padEnd(8)}${kind.padEnd(10)}${cells.join('')}  ${how}`.trimEnd();
    })
    .join('\n');
}

export function statusLines(reports: readonly Report[]): string {
  return reports
    .flatMap(({ statuses }) => Object.entries(statuses))
    .map(
      ([tenant, counts]) =>
        `${tenant.padEnd(22)} ${Object.entries(counts)
          .map(([status, count]) => `${status}: ${count}`)
          .join('  ')}`,
    )
    .join('\n');
}
