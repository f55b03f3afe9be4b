/** Of B7: the stages of the filter one by one, and how the time for each detector's own texts grows with their length. */
import { createDecodeBudget } from '../../src/boundary/decoding/budget.ts';
import { readEscapes } from '../../src/boundary/decoding/escapes.ts';
import { readRuns } from '../../src/boundary/decoding/runs.ts';
import { readWide } from '../../src/boundary/decoding/wide.ts';
import { detectors, literalDetectors, numberDetectors } from '../../src/boundary/detectors.ts';
import { scanText } from '../../src/boundary/scan-text.ts';
import { buildLiteralScanner } from '../../src/boundary/scan/literal-scanner.ts';
import { noSeams } from '../../src/boundary/scan/seams.ts';
import { nearbyIn } from '../../src/boundary/scan/nearby.ts';
import { findNumberRuns } from '../../src/boundary/scan/number-runs.ts';
import { numberContextUnitsMax, readNumber } from '../../src/boundary/scan/number-text.ts';
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
    numbers: () => {
      const nearby = nearbyIn(survey, numberContextUnitsMax);
      return runs.map((run) => {
        const read = readNumber(survey, run, nearby);
        return numberDetectors.map(({ find }) => find(read));
      });
    },
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
const slowest = 100;
const warmSamples = 60;

interface Text {
  readonly detector: string;
  /** What it repeats, told without an example's token: that would be taken for a secret in these results. */
  readonly form: string;
  readonly unit: string;
}

/** All texts that consist of one detector's literal or example, whole and cut off. */
function detectorTexts(): readonly Text[] {
  const texts = new Map<string, Text>();
  for (const { id, examples } of detectors) {
    for (const [index, hit] of examples.hit.entries()) {
      const form = `example ${index + 1}`;
      texts.set(hit, { detector: id, form, unit: hit });
      texts.set(hit.slice(0, -1), { detector: id, form: `${form}, cut off`, unit: hit.slice(0, -1) });
      texts.set(`${hit} `, { detector: id, form: `${form} and a blank`, unit: `${hit} ` });
    }
  }
  for (const { id, literals } of literalDetectors)
    for (const literal of literals) texts.set(literal, { detector: id, form: literal, unit: literal });
  texts.delete('');
  return [...texts.values()];
}

/** The slowest twenty of those texts, the slowest hundred measured again once warm; and the twenty whose time grows most from n to 4n. */
export function benchDetectors(filter: (bytes: Uint8Array) => unknown): Record<string, unknown> {
  const secondsPerByte = (unit: string, times: number, samples: number): number => {
    const bytes = Buffer.from(unit.repeat(Math.ceil((times * unitsOnce) / unit.length)));
    return best(() => filter(bytes), samples) / bytes.length;
  };
  const rows = detectorTexts().map((text) => {
    const [one = 0, two = 0, four = 0] = [1, 2, 4].map((times) => secondsPerByte(text.unit, times, 2));
    return { text, four, twofold: ratio(two, one), fourfold: ratio(four, one) };
  });
  const warm = rows
    .toSorted((a, b) => b.four - a.four)
    .slice(0, slowest)
    .map(({ text: { detector, form, unit } }) => ({
      detector,
      form,
      MBPerSecond: Number((1 / secondsPerByte(unit, 4, warmSamples) / 1e6).toFixed(1)),
    }));
  return {
    texts: rows.length,
    slowest: warm.toSorted((a, b) => a.MBPerSecond - b.MBPerSecond).slice(0, 20),
    steepest: rows
      .toSorted((a, b) => b.fourfold - a.fourfold)
      .slice(0, 20)
      .map(({ text: { detector, form }, twofold, fourfold }) => ({ detector, form, twofold, fourfold })),
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
