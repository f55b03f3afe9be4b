/** `sallyport policy history | show | rollback | unpin | reload`: what a running server decides under. */
import { stringify } from 'yaml';
import { createClient } from '../client.ts';
import type { Client } from '../client.ts';
import { CommandFailed } from '../command-failed.ts';
import { printable, table } from '../output.ts';
import type { Output } from '../output.ts';

interface ShownRevision {
  readonly revision: string;
  readonly isActive: boolean;
  readonly isPinned: boolean;
  readonly lastActivatedAt: string;
  readonly trigger: string;
  readonly principal: string | null;
  readonly reason: string | null;
  readonly claimed: { readonly commit: string | null; readonly author: string | null } | null;
}

interface Change {
  readonly outcome: 'activated' | 'unchanged' | 'pinned' | 'waiting';
  readonly revision: string | null;
  readonly previous?: string;
  readonly pinned?: string;
  readonly reason?: string;
}

/** Hexadecimal digits that tell revisions apart for a person. */
const shortDigits = 12;
const prefixPattern = /^(?:sha256:)?([0-9a-f]{6,64})$/;

export async function history(out: Output): Promise<void> {
  const page = await listRevisions(createClient(process.env));
  out.show(page, () => printable(table(page.items.map(describeRevision))));
}

export async function show(wanted: string | undefined, out: Output): Promise<void> {
  const client = createClient(process.env);
  const revision = await requireRevision(client, wanted);
  const shown = (await client.request('GET', `/v1/policy/revisions/${revision}`)) as ShownRevision & {
    readonly documents: readonly unknown[];
  };
  out.show(shown, () =>
    printable(
      [
        `# ${describeRevision(shown).join('  ')}`,
        ...shown.documents.map((document) => stringify(document).trimEnd()),
      ].join('\n---\n'),
    ),
  );
}

export async function rollback(wanted: string, reason: string, out: Output): Promise<void> {
  const client = createClient(process.env);
  const revision = await requireRevision(client, wanted);
  await change(client, 'activate', { revision, reason }, out);
}

export async function unpin(reason: string, out: Output): Promise<void> {
  await change(createClient(process.env), 'unpin', { reason }, out);
}

export async function reload(out: Output): Promise<void> {
  await change(createClient(process.env), 'reload', undefined, out);
}

/** Exit 1 when the policy files do not decide although that was asked for. */
async function change(client: Client, verb: string, body: object | undefined, out: Output): Promise<void> {
  const made = (await client.request('POST', `/v1/policy/${verb}`, body)) as Change;
  out.show(made, () => printable(describeChange(made, verb)));
  if (made.outcome === 'waiting' || made.outcome === 'pinned') process.exitCode = 1;
}

function describeChange({ outcome, revision, previous, pinned, reason }: Change, verb: string): string {
  switch (outcome) {
    case 'activated': {
      const until =
        verb === 'activate' ? ' It is pinned: "sallyport policy unpin" lets the files decide again.' : '';
      return `${short(revision)} decides now; before it was ${short(previous ?? null)}.${until}`;
    }
    case 'unchanged':
      return `${short(revision)} decides, as before.`;
    case 'pinned':
      return `${short(pinned ?? null)} is pinned and goes on deciding; the files hold ${short(revision)}.`;
    case 'waiting':
      return `${revision === null ? 'The change' : short(revision)} waits and is tried again: ${reason ?? ''}`;
  }
}

async function requireRevision(client: Client, wanted: string | undefined): Promise<string> {
  if (wanted !== undefined && !prefixPattern.test(wanted))
    throw new CommandFailed(2, 'A revision is sha256: and its digits, at least the first 6 of them.');
  const found = await findRevision(client, wanted);
  if (found !== null) return found;
  throw new CommandFailed(1, `No revision ${wanted} was active: "sallyport policy history" lists them.`);
}

/** A revision by its first digits, null where the server keeps none; without digits the active one. */
export async function findRevision(client: Client, wanted: string | undefined): Promise<string | null> {
  const { items } = await listRevisions(client);
  if (wanted === undefined) {
    const active = items.find(({ isActive }) => isActive);
    if (active === undefined) throw new CommandFailed(1, 'The server lists no active revision.');
    return active.revision;
  }
  const [, digits] = prefixPattern.exec(wanted) ?? [];
  if (digits === undefined) return null;
  const found = items.filter(({ revision }) => revision.startsWith(`sha256:${digits}`));
  const [first] = found;
  if (first === undefined) return null;
  if (found.length > 1)
    throw new CommandFailed(1, `${found.length} revisions start with ${wanted}: give more digits.`);
  return first.revision;
}

async function listRevisions(client: Client): Promise<{ readonly items: readonly ShownRevision[] }> {
  return (await client.request('GET', '/v1/policy/revisions')) as { items: readonly ShownRevision[] };
}

function describeRevision(shown: ShownRevision): string[] {
  const { commit = null, author = null } = shown.claimed ?? {};
  const claims = [commit === null ? '' : `commit ${commit}`, author === null ? '' : `by ${author}`];
  const claimed = claims.filter((part) => part !== '').join(' ');
  return [
    short(shown.revision),
    shown.isPinned ? 'pinned' : shown.isActive ? 'active' : '',
    shown.lastActivatedAt,
    shown.trigger,
    shown.principal ?? '',
    shown.reason ?? (claimed === '' ? '' : `${claimed} (claimed)`),
  ];
}

function short(revision: string | null): string {
  return (revision ?? '').slice(0, 'sha256:'.length + shortDigits);
}
