/** A difference of two policies as Markdown: for a pull request, and for a terminal. */
import type { DocumentChange, PlaceChange } from '../../policy/diff/diff-documents.ts';
import type { DecisionDiff, Side } from './diff-decisions.ts';
import type { PolicyDiff } from './diff.ts';

/** Lines of one section; more are counted. */
const linesMax = 50;
const valueCharsMax = 120;

export function describeDiff(diff: PolicyDiff): string {
  const { after, before, decisions, documents, since } = diff;
  const was = before === null ? 'decisions as they were recorded' : nameOf(before);
  return [
    `# Policy diff`,
    '',
    `From ${was} to ${nameOf(after)}.`,
    ...(before === null ? [] : ['', '## Documents', '', ...describeDocuments(documents)]),
    ...(decisions === null
      ? []
      : ['', `## Calls since ${since ?? ''}`, '', ...describeDecisions(decisions, diff)]),
  ].join('\n');
}

function nameOf({ name, revision }: { readonly name: string; readonly revision: string }): string {
  return `${code(name)} (${revision.slice(0, 'sha256:'.length + 12)})`;
}

function describeDocuments(changes: readonly DocumentChange[]): readonly string[] {
  if (changes.length === 0) return ['Nothing is written otherwise.'];
  const lines = changes.flatMap((change) =>
    change.kind === 'changed'
      ? change.places.map((place) => `- changed ${code(change.document)}: ${describePlace(place)}`)
      : [`- ${change.kind} ${code(change.document)}`],
  );
  return cut(lines, (more) => `- and ${more} more`);
}

function describePlace({ after, before, place }: PlaceChange): string {
  if (before === null) return `${code(place)} is new: ${code(after ?? '')}`;
  return after === null
    ? `${code(place)} is gone, it was ${code(before)}`
    : `${code(place)} was ${code(before)}, is ${code(after)}`;
}

function describeDecisions(
  { calls, caveats, changed, changes }: DecisionDiff,
  { isCut, skipped }: PolicyDiff,
): readonly string[] {
  const rows = changes.map(
    (change) =>
      `| ${change.calls} | ${change.principals} | ${code(change.tool)} | ${side(change.before)} | ${side(change.after)} | ${change.example} |`,
  );
  const notes = [
    ...Object.entries(skipped).map(([why, count]) => `- ${count} not decided again: ${why}.`),
    ...Object.entries(caveats).map(([caveat, count]) => `- of ${count}: ${caveat}.`),
    ...(isCut ? [`- Older calls are left aside: --limit takes more.`] : []),
  ];
  return [
    `${changed} of ${calls} recorded calls would end otherwise.`,
    ...(rows.length === 0
      ? []
      : [
          '',
          '| calls | principals | tool | before | after | such as |',
          '| ---: | ---: | --- | --- | --- | --- |',
          ...cut(rows, (more) => `| | | and ${more} more | | | |`),
        ]),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ];
}

function side({ by, outcome }: Side): string {
  return by === null ? outcome : `${outcome} (${code(by)})`;
}

function cut(lines: readonly string[], more: (count: number) => string): readonly string[] {
  return lines.length <= linesMax ? lines : [...lines.slice(0, linesMax), more(lines.length - linesMax)];
}

/** In one line, in which nothing of it is Markdown or the end of a cell. */
function code(text: string): string {
  const short = text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax)}…`;
  return `\`${short.replaceAll(/\s+/g, ' ').replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}
