/** The report for people: checks first, then each way to run tools with what protects it and what is missing. */
import { printable } from '../output.ts';
import type { Paint } from '../output.ts';
import type { Check, DoctorReport, RuntimeFinding } from './report.ts';

const titles: Readonly<Record<RuntimeFinding['kind'], string>> = {
  isolate: 'JavaScript in isolates: what can confine the workers',
  container: 'Containers: what can run them',
};

export function printReport({ checks, runtimes, status }: DoctorReport, paint: Paint): string {
  const failures = checks.filter(({ state }) => state === 'failed').length;
  return [
    ...checks.flatMap((check) => printCheck(check, paint)),
    ...(['isolate', 'container'] as const).flatMap((kind) => [
      '',
      paint.bold(titles[kind]),
      ...runtimes
        .filter((finding) => finding.kind === kind)
        .flatMap((finding) => printRuntime(finding, paint)),
    ]),
    '',
    status === 'ok'
      ? paint.good('fine: nothing that matters is missing')
      : paint.bad(
          failures === 1 ? '1 thing that matters is missing' : `${failures} things that matter are missing`,
        ),
  ].join('\n');
}

function printCheck({ found, id, remedies, state }: Check, paint: Paint): string[] {
  return [
    line(colour(state === 'ok' ? 'good' : 'bad', state, paint), id, found),
    ...remedies.map((remedy) => line('', '', `→ ${remedy}`)),
  ];
}

function printRuntime(finding: RuntimeFinding, paint: Paint): string[] {
  const { confinement, hardening, isUsed, missing, protections, reason, remedies, state } = finding;
  if (state === 'unavailable') {
    return [
      line(colour('bad', 'not here', paint), confinement, reason ?? ''),
      ...remedies.map((remedy) => line('', '', `→ ${remedy}`)),
    ];
  }
  return [
    line(colour('good', isUsed ? 'used' : 'works', paint), confinement, protections.join(', ')),
    ...(hardening === undefined
      ? []
      : [
          line(
            '',
            '',
            `hardening: ${hardening.held.length} of ${hardening.held.length + hardening.open.length}`,
          ),
          ...hardening.open.map((id) => line('', '', `open: ${id}`)),
        ]),
    ...missing.flatMap(({ remedy, what }) => [
      line('', '', `gap: ${what}`),
      ...(remedy === null ? [] : [line('', '', `→ ${remedy}`)]),
    ]),
  ];
}

/** Padded before it is painted: escape sequences have no width. */
function colour(how: 'good' | 'bad', word: string, paint: Paint): string {
  return paint[how](word.padEnd(8));
}

/** What was found comes from programs, files and error messages of the host: shown, never obeyed. */
function line(state: string, name: string, text: string): string {
  const shown = printable(text).replaceAll(/\s+/g, ' ');
  return `${state === '' ? ' '.repeat(8) : state}  ${name.padEnd(14)}  ${shown}`.trimEnd();
}
