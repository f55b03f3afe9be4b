/** `sallyport audit show`: one event, or the whole story of a call. */
import type { Command } from 'commander';
import type { Page, StoredEvent } from '../../audit/record.ts';
import type { Call } from '../../model/call.ts';
import { createClient } from '../client.ts';
import type { Client } from '../client.ts';
import { table } from '../output.ts';
import type { Output } from '../output.ts';
import { describeEvent, eventCells } from './describe-events.ts';

interface Story {
  readonly call: Call | null;
  readonly events: readonly StoredEvent[];
  readonly nextCursor: string | null;
}

export function addAuditShow(audit: Command, output: () => Output): void {
  audit
    .command('show')
    .description('one event, or everything about a call, oldest first')
    .argument('<id>', 'evt_… or call_…')
    .option('--full', 'of a call: every event with its details and content')
    .action(async (id: string, { full }: { readonly full?: boolean }) => {
      const client = createClient(process.env);
      const out = output();
      if (!id.startsWith('call_')) {
        const event = (await client.request(
          'GET',
          `/v1/audit/events/${encodeURIComponent(id)}`,
        )) as StoredEvent;
        out.show(event, () => describeEvent(event, out));
        return;
      }
      const story = await readStory(client, id);
      out.show(story, () =>
        full === true
          ? story.events.map((event) => describeEvent(event, out)).join('\n\n')
          : table(story.events.map((event) => eventCells(event, out))),
      );
    });
}

/** Large stories come in pieces. */
async function readStory(client: Client, id: string): Promise<Omit<Story, 'nextCursor'>> {
  const path = `/v1/audit/calls/${encodeURIComponent(id)}`;
  const { call, events, nextCursor } = (await client.request('GET', path)) as Story;
  const all = [...events];
  for (let cursor = nextCursor; cursor !== null;) {
    const search = new URLSearchParams({ callId: id, order: 'asc', cursor, limit: '1000' });
    const page = (await client.request('GET', `/v1/audit/events?${search.toString()}`)) as Page<StoredEvent>;
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return { call, events: all };
}
