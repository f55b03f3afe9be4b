/**
 * `npm run boundary:score [-- --all]`: how good the filter is, on data of this repository and on text that lies about.
 * With `--all` every detector and vendor has a row of its own; without, only what is not perfect.
 */
import { createBoundary } from '../../../src/boundary/boundary.ts';
import { detectors } from '../../../src/boundary/detectors.ts';
import type { Corpus } from './measure-benign.ts';
import { measureBenign } from './measure-benign.ts';
import type { Judged } from './measure-injection.ts';
import { measureAttacks, measureOrdinary, measureParagraphs } from './measure-injection.ts';
import type { Payload } from './measure-payloads.ts';
import { measurePayloads } from './measure-payloads.ts';
import type { PersonalCase } from './measure-personal.ts';
import { measureNearMisses, measurePersonal } from './measure-personal.ts';
import type { Case } from './measure-secrets.ts';
import { measureSecrets } from './measure-secrets.ts';
import { shown, wilson } from './wilson.ts';

const perSetting = 4;
const seed = 20_261_125;
const corpusBytesMax = 60_000_000;

const familyOf = new Map(detectors.map(({ id, family }) => [id, family]));
const isSecret = (id: string) => familyOf.get(id) === 'secrets';
/** A hit beside the one that a case is about (the header around a token, its generic name) is neither right nor wrong. */
const contextual = new Set(['generic-secret', 'bearer-token', 'url-password', 'connection-string-password']);
const isAll = process.argv.includes('--all');

const boundary = createBoundary({ redactionKey: new Uint8Array(32), knownSecrets: [] });
const cases = measureSecrets(boundary, perSetting, seed);
const corpora = measureBenign(boundary, corpusBytesMax);
printSecrets(cases, corpora);
printPersonal(measurePersonal(boundary, perSetting, seed));
printCorpora(corpora);
printInjection(measureAttacks(boundary), measureOrdinary(boundary));
printPayloads(measurePayloads(boundary));

function printSecrets(cases: readonly Case[], corpora: readonly Corpus[]): void {
  title('Secrets, made from published formats and printed as systems print them');
  row('kind', 'forms', 'cases', 'recall (95 %)');
  for (const kind of ['distinctive', 'named'] as const) {
    const of = cases.filter(({ format }) => format.kind === kind);
    row(kind, new Set(of.map(({ format }) => format)).size, of.length, recallOf(of));
  }
  subtitle('recall by vendor');
  for (const [vendor, of] of groups(cases, ({ format }) => `${format.vendor}, ${format.kind}`))
    if (isAll || of.some(({ isTakenOut }) => !isTakenOut)) row(vendor, of.length, recallOf(of));
  subtitle('recall by setting');
  for (const [setting, of] of groups(cases, ({ setting }) => setting.name))
    if (isAll || of.some(({ isTakenOut }) => !isTakenOut)) row(setting, of.length, recallOf(of));
  subtitle(
    'precision by detector: hits that name the right vendor, against wrong ones here and in ordinary text',
  );
  for (const [detector, { right, wrong }] of precision(cases, corpora))
    if (isAll || wrong > 0) row(detector, right + wrong, shown(wilson(right, right + wrong)));
}

function printPersonal(cases: readonly PersonalCase[]): void {
  title('Numbers of persons, made from published formats and printed as systems and people print them');
  row('kind', 'forms', 'cases', 'recall (95 %)');
  for (const [kind, of] of groups(cases, ({ form }) => form.kind))
    row(kind, new Set(of.map(({ form }) => form)).size, of.length, recallOf(of));
  subtitle('recall by country and network, as written');
  for (const [name, of] of groups(cases, ({ form }) => `${form.kind}, ${form.of}, ${form.written}`))
    if (isAll || of.some(({ isTakenOut }) => !isTakenOut)) row(name, of.length, recallOf(of));
  subtitle('recall by setting');
  for (const [setting, of] of groups(cases, ({ form, setting }) => `${form.kind}, ${setting.name}`))
    if (isAll || of.some(({ isTakenOut }) => !isTakenOut)) row(setting, of.length, recallOf(of));
  subtitle('false alarms on what looks like one');
  for (const [shape, of] of groups(measureNearMisses(boundary, perSetting, seed), ({ shape }) => shape))
    row(shape, of.length, shown(wilson(of.filter(({ found }) => found.length > 0).length, of.length)));
}

function recallOf(cases: readonly { readonly isTakenOut: boolean }[]): string {
  return shown(wilson(cases.filter(({ isTakenOut }) => isTakenOut).length, cases.length));
}

function precision(
  cases: readonly Case[],
  corpora: readonly Corpus[],
): Map<string, { right: number; wrong: number }> {
  const counts = new Map<string, { right: number; wrong: number }>();
  const count = (detector: string, side: 'right' | 'wrong', by: number) => {
    const held = counts.get(detector) ?? { right: 0, wrong: 0 };
    held[side] += by;
    counts.set(detector, held);
  };
  for (const { format, found } of cases) {
    for (const detector of new Set(found)) {
      const isRight = format.detectors.includes(detector);
      if (!isSecret(detector) || (!isRight && contextual.has(detector))) continue;
      count(detector, isRight ? 'right' : 'wrong', 1);
    }
  }
  for (const { redacted } of corpora)
    for (const [detector, times] of redacted) if (isSecret(detector)) count(detector, 'wrong', times);
  return new Map([...counts].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function printCorpora(corpora: readonly Corpus[]): void {
  title('Ordinary text: what was taken out, per MB, all of it counted as wrong');
  row('text', 'MB', 'secrets', 'personal data', 'exfiltration', 'invisible', 'only reported');
  const all = [...corpora, joined(corpora)];
  for (const { name, bytes, redacted, flagged } of all) {
    const perMB = (counts: Iterable<number>) =>
      (([...counts].reduce((sum, count) => sum + count, 0) * 1e6) / bytes).toFixed(3);
    const of = (family: string) =>
      perMB([...redacted].filter(([id]) => familyOf.get(id) === family).map(([, count]) => count));
    row(
      name,
      (bytes / 1e6).toFixed(1),
      of('secrets'),
      of('pii'),
      of('exfiltration'),
      of('unicode'),
      perMB(flagged.values()),
    );
  }
  if (!isAll) return;
  for (const { files } of corpora)
    for (const { file, detectors } of files)
      for (const detector of detectors) process.stdout.write(`  ${file}  ${detector}\n`);
}

function joined(corpora: readonly Corpus[]): Corpus {
  const add = (maps: readonly ReadonlyMap<string, number>[]) => {
    const sum = new Map<string, number>();
    for (const map of maps) for (const [id, count] of map) sum.set(id, (sum.get(id) ?? 0) + count);
    return sum;
  };
  return {
    name: 'all',
    bytes: corpora.reduce((sum, { bytes }) => sum + bytes, 0),
    redacted: add(corpora.map(({ redacted }) => redacted)),
    flagged: add(corpora.map(({ flagged }) => flagged)),
    files: [],
  };
}

function printInjection(attacks: readonly Judged[], ordinary: readonly Judged[]): void {
  title('Injection');
  const rate = (of: readonly Judged[]) =>
    shown(wilson(of.filter(({ isFound }) => isFound).length, of.length));
  row('half', 'attacks', 'recall (95 %)', 'ordinary', 'false alarms (95 %)');
  for (const half of ['tuning', 'held'] as const) {
    const [bad, good] = [attacks, ordinary].map((texts) => texts.filter((text) => text.half === half));
    row(half, bad?.length ?? 0, rate(bad ?? []), good?.length ?? 0, rate(good ?? []));
  }
  const paragraphs = measureParagraphs(boundary);
  row(
    'paragraphs of documentation',
    '',
    '',
    paragraphs.of,
    shown(wilson(paragraphs.found.length, paragraphs.of)),
  );
  subtitle('recall by language');
  for (const [language, of] of groups(attacks, ({ language }) => language))
    row(language, of.length, rate(of));
}

function printPayloads(payloads: readonly Payload[]): void {
  title('Payloads');
  row('family', 'payloads', 'neutralised (95 %)');
  for (const [family, of] of groups(payloads, ({ family }) => family)) {
    row(family, of.length, shown(wilson(of.filter(({ isNeutralised }) => isNeutralised).length, of.length)));
    for (const { name, isNeutralised } of of) if (!isNeutralised) row(`  left: ${name}`);
  }
}

function groups<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  return new Map(Object.entries(Object.groupBy(items, keyOf)).map(([key, of]) => [key, of ?? []] as const));
}

function title(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

function subtitle(text: string): void {
  process.stdout.write(` ${text}\n`);
}

function row(name: string, ...cells: readonly (string | number)[]): void {
  process.stdout.write(
    `  ${name.padEnd(44)}${cells.map((cell) => String(cell).padEnd(20)).join('')}`.trimEnd() + '\n',
  );
}
