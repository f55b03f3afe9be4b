/** `sallyport audit erase` and `audit hold`. */
import type { Command } from 'commander';
import { createClient } from '../client.ts';
import { CommandFailed } from '../command-failed.ts';
import { counted, oneLine, table } from '../output.ts';
import type { Output } from '../output.ts';
import { withProgress } from '../progress.ts';

interface SelectionOptions {
  readonly callId?: string;
  readonly principal?: string;
  readonly session?: string;
  readonly tenant?: string;
  readonly from?: string;
  readonly to?: string;
}

interface EraseOptions extends SelectionOptions {
  readonly reason: string;
  readonly legalBasis: string;
  readonly ticket: string;
}

interface Erased {
  readonly id: string;
  readonly calls: number;
  readonly events: number;
  readonly remaining: boolean;
  readonly scrubbed: boolean;
  readonly scrubDelay: string | null;
  readonly backups: readonly string[];
}

interface ShownHold {
  readonly id: string;
  readonly selection: SelectionOptions;
  readonly reason: string;
  readonly setBy: string;
  readonly setAt: string;
}

export function addAuditErase(audit: Command, output: () => Output): void {
  addSelection(
    audit
      .command('erase')
      .description(
        'take the content out of calls; who did what under which rule stays, and the chain verifies',
      ),
  )
    .requiredOption('--reason <text>', 'kept for good')
    .requiredOption('--legal-basis <text>', 'such as "GDPR Art. 17(1)(a)"; kept for good')
    .requiredOption('--ticket <text>', 'where it was asked for; kept for good')
    .action(async (options: EraseOptions) => {
      const body = bodyOf(options);
      const client = createClient(process.env);
      const done: Erased[] = [];
      // One request takes a limited number, oldest first; the last one has what all of them have in common.
      await withProgress('erasing', async () => {
        do done.push((await client.request('POST', '/v1/audit/erasures', body)) as Erased);
        while (done.at(-1)?.remaining === true);
      });
      const out = output();
      out.show({ items: done }, () => describeErasures(done, out));
    });
}

export function addAuditHold(audit: Command, output: () => Output): void {
  const hold = audit.command('hold').description('protect content from erasure and age (scope admin)');
  addSelection(hold.command('set').description('from now on; what comes later is meant too'))
    .requiredOption('--reason <text>', 'kept for good')
    .action(async (options: SelectionOptions & { reason: string }) => {
      const set = (await createClient(process.env).request(
        'POST',
        '/v1/audit/holds',
        bodyOf(options),
      )) as ShownHold;
      output().show(set, () => `${describeHold(set).join('  ')}\nIt stands.`);
    });
  hold
    .command('list')
    .description('the holds that stand')
    .action(async () => {
      const page = (await createClient(process.env).request('GET', '/v1/audit/holds')) as {
        items: readonly ShownHold[];
      };
      output().show(page, () =>
        page.items.length === 0 ? 'No hold stands.' : table(page.items.map(describeHold)),
      );
    });
  hold
    .command('release')
    .description('it stands no longer')
    .argument('<id>', 'hold_…')
    .requiredOption('--reason <text>', 'kept for good')
    .action(async (id: string, { reason }: { readonly reason: string }) => {
      const search = new URLSearchParams({ reason }).toString();
      await createClient(process.env).request(
        'DELETE',
        `/v1/audit/holds/${encodeURIComponent(id)}?${search}`,
      );
      output().show({ id, released: true }, () => `${oneLine(id)} is released.`);
    });
}

function addSelection(command: Command): Command {
  return command
    .option('--call-id <id>', 'one call')
    .option('--principal <id>', 'its calls, and what else it did')
    .option('--session <id>', 'everything in it')
    .option('--tenant <name>', 'only in this tenant')
    .option('--from <time>', 'only what began at this time or later (RFC 3339)')
    .option('--to <time>', 'only what began before this time');
}

/** The server takes times in one form. */
function bodyOf({ from, to, ...options }: SelectionOptions): object {
  if ((options.callId ?? options.principal ?? options.session) === undefined)
    throw new CommandFailed(2, 'Give --call-id, --principal or --session: what is meant.');
  const time = (text: string): string => {
    const ms = Date.parse(text);
    return Number.isNaN(ms) ? text : new Date(ms).toISOString();
  };
  return {
    ...options,
    ...(from !== undefined && { from: time(from) }),
    ...(to !== undefined && { to: time(to) }),
  };
}

function describeErasures(done: readonly Erased[], { paint }: Output): string {
  const sum = (count: (erased: Erased) => number): number =>
    done.reduce((total, erased) => total + count(erased), 0);
  const backups = [...new Set(done.flatMap((erased) => erased.backups))];
  const delay = done.findLast(({ scrubbed }) => !scrubbed)?.scrubDelay;
  return [
    `${paint.good('erased')} ${counted(
      sum(({ calls }) => calls),
      'call',
    )}, ${counted(
      sum(({ events }) => events),
      'event',
    )} (${done.map(({ id }) => id).join(', ')})`,
    delay === undefined
      ? 'The files were written anew: nothing of it is left in their bytes.'
      : paint.bad(
          `The files could not be written anew yet; the server tries until it is done. ${oneLine(delay ?? '')}`,
        ),
    ...(backups.length === 0
      ? []
      : ['Back-ups that still hold it:', ...backups.map((backup) => `  ${oneLine(backup)}`)]),
  ].join('\n');
}

function describeHold({ id, selection, reason, setBy, setAt }: ShownHold): string[] {
  const what = Object.entries(selection).map(([name, value]) => `${name} ${String(value)}`);
  return [id, what.join(', '), `since ${setAt}`, `by ${setBy}`, reason].map(oneLine);
}
