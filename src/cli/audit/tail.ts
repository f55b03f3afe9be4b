/** `sallyport audit tail`: the newest events, and with `--follow` what comes. */
import type { Command } from 'commander';
import type { StoredEvent } from '../../audit/record.ts';
import { createClient } from '../client.ts';
import { CommandFailed } from '../command-failed.ts';
import type { Output } from '../output.ts';
import { eventCells } from './describe-events.ts';
import { addFilterOptions } from './filters.ts';
import type { FilterOptions } from './filters.ts';

/** Columns are as wide as they come: nobody knows the rows that follow. */
const widths = [24, 18, 12, 16, 14, 26, 0];

export function addAuditTail(audit: Command, output: () => Output): void {
  const command = audit
    .command('tail')
    .description('the newest events, oldest of them first; as JSON one a line')
    .option('--follow', 'go on with what comes, until interrupted')
    .option('--count <n>', 'how many to begin with', '10');
  addFilterOptions(command).action(
    async ({ follow, count, ...filters }: FilterOptions & { follow?: boolean; count: string }) => {
      if (!/^\d{1,3}$/.test(count)) throw new CommandFailed(2, '--count must be a whole number up to 999.');
      const search = new URLSearchParams({ ...filters, count, ...(follow === true && { follow: 'yes' }) });
      const body = await createClient(process.env).stream(`/v1/audit/tail?${search.toString()}`);
      const out = output();
      for await (const event of events(body)) out.line(event, () => line(event, out));
    },
  );
}

function line(event: StoredEvent, out: Output): string {
  const [time = '', ...cells] = eventCells(event, out);
  return [time, ...cells.map((cell, index) => cell.padEnd(widths[index + 1] ?? 0))].join('  ').trimEnd();
}

async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<StoredEvent> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines)
      if (line.startsWith('data: ')) yield JSON.parse(line.slice('data: '.length)) as StoredEvent;
  }
}
