/** `sallyport policy diff`: what is written otherwise, and which recorded calls would end otherwise, in Markdown. */
import { diffDocuments } from '../../policy/diff/diff-documents.ts';
import type { DocumentChange } from '../../policy/diff/diff-documents.ts';
import type { Revision } from '../../policy/revision.ts';
import { createClient } from '../client.ts';
import type { Client } from '../client.ts';
import { CommandFailed } from '../command-failed.ts';
import { printable } from '../output.ts';
import type { Output } from '../output.ts';
import { readDuration } from '../read-duration.ts';
import { asRecorded, diffDecisions, under } from './diff-decisions.ts';
import type { DecisionDiff } from './diff-decisions.ts';
import { describeDiff } from './describe-diff.ts';
import { namedRevision, revisionOfFiles, revisionOfServer } from './named-revision.ts';
import { readCalls } from './read-calls.ts';

export interface DiffOptions {
  readonly since?: string;
  readonly candidate?: readonly string[];
  /** Recorded calls at most, the newest. */
  readonly limit: number;
}

export interface PolicyDiff {
  /** Null: decisions as they were recorded. */
  readonly before: { readonly name: string; readonly revision: string } | null;
  readonly after: { readonly name: string; readonly revision: string };
  readonly documents: readonly DocumentChange[];
  readonly decisions: DecisionDiff | null;
  /** Why calls were not decided again, and how many. */
  readonly skipped: Readonly<Record<string, number>>;
  /** RFC 3339; calls of that time and later. */
  readonly since: string | null;
  /** There are more calls than the limit: older ones are left aside. */
  readonly isCut: boolean;
}

interface Named {
  readonly name: string;
  readonly revision: Revision;
}

/** Exit 1 when there is a difference. */
export async function diff(
  names: { readonly before?: string | undefined; readonly after?: string | undefined },
  options: DiffOptions,
  show: { readonly asJson: boolean; readonly out: Output; readonly now: number },
): Promise<void> {
  let connected: Client | undefined;
  const client = (): Client => (connected ??= createClient(process.env));
  const { after, before } = await sidesOf(client, names, options);
  const sinceMs = options.since === undefined ? null : show.now - readDuration('--since', options.since);
  const since = sinceMs === null ? null : new Date(sinceMs).toISOString();
  const recorded = since === null ? null : await readCalls(client(), since, options.limit);
  const shown = (side: Named) => ({ name: side.name, revision: side.revision.id });
  const found: PolicyDiff = {
    before: before === null ? null : shown(before),
    after: shown(after),
    documents: before === null ? [] : diffDocuments(before.revision, after.revision),
    decisions:
      recorded === null
        ? null
        : diffDecisions(
            recorded.calls,
            before === null ? asRecorded : under(before.revision),
            under(after.revision),
          ),
    skipped: recorded?.skipped ?? {},
    since,
    isCut: recorded?.isCut ?? false,
  };
  const isDifferent = found.documents.length > 0 || (found.decisions?.changed ?? 0) > 0;
  if (show.asJson) show.out.show(found, () => '');
  else process.stdout.write(`${printable(describeDiff(found))}\n`);
  if (isDifferent) process.exitCode = 1;
}

/** Files that might decide, or what decides now, against what decides now, or what was recorded. */
async function sidesOf(
  client: () => Client,
  { before, after }: Parameters<typeof diff>[0],
  { candidate, since }: DiffOptions,
): Promise<{ readonly before: Named | null; readonly after: Named }> {
  if (candidate !== undefined && after !== undefined)
    throw new CommandFailed(2, '--candidate is what comes after: name at most one other.');
  if (before === undefined && candidate === undefined && since === undefined)
    throw new CommandFailed(
      2,
      'Name two policies (directories or revisions), or give --candidate or --since.',
    );
  const named = async (name: string): Promise<Named> => ({
    name,
    revision: await namedRevision(client, name),
  });
  const active = async (): Promise<Named> => {
    const revision = await revisionOfServer(client());
    if (revision === null) throw new CommandFailed(1, 'The server lists no active revision.');
    return { name: 'active on the server', revision };
  };
  const isReplay = before === undefined && candidate === undefined;
  return {
    before: isReplay ? null : await (before === undefined ? active() : named(before)),
    after: await (candidate !== undefined
      ? { name: candidate.join(':'), revision: await revisionOfFiles(candidate) }
      : after === undefined
        ? active()
        : named(after)),
  };
}
