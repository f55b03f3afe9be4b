/** Of B7: the stages of the filter one by one, and how the time for each detector's own texts grows with their length. */
import { createDecodeBudget } from '../../src/boundary/decoding/budget.ts';
import { readEscapes } from '../../src/boundary/decoding/escapes.ts';
import { readRuns } from '../../src/boundary/decoding/runs.ts';
import { readWide } from '../../src/boundary/decoding/wide.ts';
import { detectors, literalDetectors, numberDetectors } from '../../src/boundary/detectors.ts';
import { scanText } from '../../src/boundary/scan-text.ts';
import { buildLiteralScanner } from '../../src/boundary/scan/literal-scanner.ts';
import { noSeams } from '../../src/boundary/scan/seams.ts';
import { findNumberRuns } from '../../src/boundary/scan/number-runs.ts';
import { findInvisible } from '../../src/boundary/unicode/invisible.ts';

const samples = 20;
const scanner = buildLiteralScanner(literalDetectors);

/** MB/s of each stage over one text; `survey` is the one pass that all the others start from. */
export function benchStages(text: string): Record<string, number> {
  const survey = scanner.survey(text);
  const runs = findNumberRuns(survey.codes);
  const budget = () => {
    const made = createDecodeBudget();
    made.grantFor(text.length);
    return made;
  };
  const stages = {
    survey: () => scanner.survey(text),
    formatsAtLiterals: () => scanner.scan(survey, noSeams),
    invisible: () => findInvisible(text, survey.hidden),
    numberRuns: () => findNumberRuns(survey.codes),
    numbers: () =>
      runs.map((run) => numberDetectors.map(({ find }) => find(text.slice(run.start, run.end + 1), 0, run))),
    escapes: () => readEscapes(text, survey.codes, budget()),
    base64AndHex: () => readRuns(text, survey.codes, budget()),
    utf16: () => readWide(text, survey.codes, budget()),
    allOfThem: () => scanText(text, scanner, createDecodeBudget()),
  };
  const megabytes = Buffer.byteLength(text) / 1e6;
  return Object.fromEntries(
    Object.entries(stages).map(([stage, work]) => [
      stage,
      Math.round(megabytes / Math.max(best(work, samples), 1e-6)),
    ]),
  );
}

const unitsOnce = 50_000;

/**
 * The slowest twenty of all texts that consist of one detector's literal or example, whole and cut off, and the twenty
 * whose time grows most from n to 4n.
 */
export function benchDetectors(filter: (bytes: Uint8Array) => unknown): Record<string, unknown> {
  const units = new Map<string, string>();
  for (const { id, examples } of detectors)
    for (const hit of examples.hit)
      for (const unit of [hit, hit.slice(0, -1), `${hit} `]) units.set(unit, id);
  for (const { id, literals } of literalDetectors) for (const literal of literals) units.set(literal, id);
  units.delete('');
  const rows = [...units].map(([unit, detector]) => {
    const [one = 0, two = 0, four = 0] = [1, 2, 4].map((times) => {
      const bytes = Buffer.from(unit.repeat(Math.ceil((times * unitsOnce) / unit.length)));
      return best(() => filter(bytes), 2) / bytes.length;
    });
    const MBPerSecond = Number((1 / four / 1e6).toFixed(1));
    return {
      detector,
      unit: unit.slice(0, 60),
      MBPerSecond,
      twofold: ratio(two, one),
      fourfold: ratio(four, one),
    };
  });
  return {
    texts: rows.length,
    slowest: rows.toSorted((a, b) => a.MBPerSecond - b.MBPerSecond).slice(0, 20),
    steepest: rows.toSorted((a, b) => b.fourfold - a.fourfold).slice(0, 20),
  };
}

/** Time for each byte of the longer text, as a multiple of that of the shorter: 1 is linear. */
function ratio(longer: number, shorter: number): number {
  return Number((longer / shorter).toFixed(2));
}

/** CPU seconds. */
function best(work: () => unknown, times: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < times; run += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1e6);
  }
  return least;
}
