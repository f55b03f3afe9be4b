/** Sessions that exist: listed, looked at, ended. */
import type { Command } from 'commander';
import type { Page } from '../audit/record.ts';
import type { Session } from '../model/session.ts';
import { createClient } from './client.ts';
import { oneLine, table } from './output.ts';
import type { Output } from './output.ts';

export function addSessionCommands(program: Command, output: () => Output): void {
  const sessions = program.command('sessions').description('list, show and end sessions');
  sessions
    .command('list')
    .description('your sessions, newest first')
    .option('--status <status>', 'open or ended')
    .option('--cursor <cursor>', 'the next page, as the page before says')
    .action(async (options: Record<string, string>) => {
      const query = new URLSearchParams(options).toString();
      const page = (await createClient(process.env).request('GET', `/v1/sessions?${query}`)) as Page<Session>;
      const out = output();
      out.show(page, () => describePage(page, out));
    });
  sessions
    .command('show')
    .description('a session as it stands now')
    .argument('<id>', 'ses_…')
    .action(async (id: string) => {
      const session = (await createClient(process.env).request('GET', pathOf(id))) as Session;
      output().show(session, () => describeSession(session));
    });
  sessions
    .command('end')
    .description('end a session with all that it holds; a call that runs in it is cancelled')
    .argument('<id>', 'ses_…')
    .action(async (id: string) => {
      const session = (await createClient(process.env).request('DELETE', pathOf(id))) as Session;
      output().show(session, () => describeSession(session));
    });
}

function pathOf(id: string): string {
  return `/v1/sessions/${encodeURIComponent(id)}`;
}

function describePage({ items, nextCursor }: Page<Session>, { paint }: Output): string {
  if (items.length === 0) return 'Nothing fits.';
  const rows = table(
    items.map(({ createdAt, id, image, status }) => [
      paint.dim(createdAt),
      ...[id, status, image].map(oneLine),
    ]),
  );
  return nextCursor === null ? rows : `${rows}\n${paint.dim(`more: --cursor ${nextCursor}`)}`;
}

function describeSession({ labels, limits, ...session }: Session): string {
  const ended = session.endedAt === null ? [] : [['ended', `${session.endedAt} (${session.endReason})`]];
  const named = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const rows = [
    ['session', `${session.id} ${session.status}`],
    ['image', session.image],
    ['limits', `${limits.memoryMiB} MiB, ${limits.cpus} CPUs, ${limits.pids} processes`],
    ['created', session.createdAt],
    ['expires', `${session.expiresAt}, or ${session.idleMs / 1000} s after its last use`],
    ...ended,
    ...(named.length === 0 ? [] : [['labels', named.join(' ')]]),
  ];
  return table(rows.map((row) => row.map(oneLine)));
}
