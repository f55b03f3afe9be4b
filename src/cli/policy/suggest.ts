/** `sallyport policy suggest --from audit`: policies as narrow as what was used, held against the calls that they come from. */
import { stringify } from 'yaml';
import type { JsonObject } from '../../model/json.ts';
import { compileContent } from '../../policy/compile/compile-content.ts';
import { revisionId } from '../../policy/compile/compile.ts';
import { formatProblems } from '../../policy/lint.ts';
import type { Revision } from '../../policy/revision.ts';
import { narrowPolicies } from '../../policy/suggest/narrow-policies.ts';
import type { NarrowedRule } from '../../policy/suggest/narrow-policies.ts';
import { detectorIds } from '../../boundary/detectors.ts';
import { createClient } from '../client.ts';
import { CommandFailed } from '../command-failed.ts';
import { printable } from '../output.ts';
import type { Output } from '../output.ts';
import { readDuration } from '../read-duration.ts';
import { diffDecisions, under } from './diff-decisions.ts';
import { revisionOfServer } from './named-revision.ts';
import { readCalls } from './read-calls.ts';
import { decideAgain } from './recorded-calls.ts';
import type { RecordedCall } from './recorded-calls.ts';

export interface SuggestOptions {
  readonly since: string;
  /** Recorded calls at most, the newest. */
  readonly limit: number;
}

export interface Suggestion {
  readonly revision: string;
  /** RFC 3339; calls of that time and later. */
  readonly since: string;
  readonly calls: number;
  readonly isCut: boolean;
  readonly skipped: Readonly<Record<string, number>>;
  readonly rules: readonly NarrowedRule[];
  readonly documents: readonly JsonObject[];
  /** Of the calls, those that it would decide otherwise: 0, or it is not printed. */
  readonly changed: number;
}

/** Asks the server (scopes audit and policy). Throws `CommandFailed` where nothing can be suggested. */
export async function suggest(
  options: SuggestOptions,
  show: { readonly asJson: boolean; readonly out: Output; readonly now: number },
): Promise<void> {
  const client = createClient(process.env);
  const since = new Date(show.now - readDuration('--since', options.since)).toISOString();
  const revision = await revisionOfServer(client);
  if (revision === null) throw new CommandFailed(1, 'The server lists no active revision.');
  const { calls, isCut, skipped } = await readCalls(client, since, options.limit);
  const granted = calls.filter((call) => isGranted(revision, call));
  if (granted.length === 0)
    throw new CommandFailed(1, `No call since ${since} would be allowed now: nothing can be suggested.`);
  const { content, documents, rules } = narrowPolicies(revision, usesOf(revision, granted));
  const { changed } = diffDecisions(granted, under(revision), under(await compiled(content)));
  if (changed > 0)
    throw new CommandFailed(1, `The suggestion would decide ${changed} of its own calls otherwise.`);
  const found: Suggestion = {
    revision: revision.id,
    since,
    calls: granted.length,
    isCut,
    skipped,
    rules,
    documents,
    changed,
  };
  if (show.asJson) show.out.show(found, () => '');
  else process.stdout.write(`${printable(describe(found))}\n`);
}

function isGranted(revision: Revision, call: RecordedCall): boolean {
  const again = decideAgain(revision, call);
  return again.kind === 'decided' && again.decision.effect !== 'deny';
}

/** By every rule that granted a call, not the first alone: limits are the most generous of them. */
function usesOf(revision: Revision, calls: readonly RecordedCall[]) {
  const uses = new Map<string, { tools: Map<string, (JsonObject | null)[]> }>();
  for (const call of calls) {
    const again = decideAgain(revision, call);
    if (again.kind === 'unfit') continue;
    for (const rule of again.decision.matched) {
      const use = uses.get(rule) ?? { tools: new Map<string, (JsonObject | null)[]>() };
      const list = use.tools.get(again.call.tool) ?? [];
      list.push(call.caveats.length === 0 ? again.call.args : null);
      use.tools.set(again.call.tool, list);
      uses.set(rule, use);
    }
  }
  return uses;
}

async function compiled(content: string): Promise<Revision> {
  const result = await compileContent(revisionId(content), content, { knownDetectors: detectorIds });
  if (result.ok) return result.revision;
  throw new CommandFailed(1, `The suggestion does not compile:\n${formatProblems(result.problems)}`);
}

function describe({ calls, documents, isCut, revision, rules, since, skipped }: Suggestion): string {
  const unused = rules.filter((rule) => rule.calls === 0).map(({ rule }) => rule);
  const notes = [
    `What ${calls} calls since ${since} needed of ${revision}. Each of them is decided as before; anything else`,
    'that these policies gave is gone. Read it, put back what is rare and right, and hold it against more calls:',
    '  sallyport policy diff --candidate <dir> --since 30d',
    ...(unused.length === 0 ? [] : [`Granted nothing, and left out: ${unused.join(', ')}`]),
    ...Object.entries(skipped).map(([why, count]) => `Not looked at: ${count} calls, ${why}`),
    ...(isCut ? ['Older calls are left aside: --limit takes more.'] : []),
  ];
  return [
    notes.map((note) => `# ${note}`).join('\n'),
    ...documents.map((document) => stringify(document).trimEnd()),
  ].join('\n---\n');
}
