/** `sallyport audit show`: one event, or the whole story of a call. */
import type { Command } from 'commander';
import type { StoredEvent } from '../../audit/record.ts';
import type { Call } from '../../model/call.ts';
import { createClient } from '../client.ts';
import { table } from '../output.ts';
import type { Output } from '../output.ts';
import { describeEvent, eventCells } from './describe-events.ts';

interface Story {
  readonly call: Call | null;
  readonly events: readonly StoredEvent[];
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
      const story = (await client.request('GET', `/v1/audit/calls/${encodeURIComponent(id)}`)) as Story;
      out.show(story, () =>
        full === true
          ? story.events.map((event) => describeEvent(event, out)).join('\n\n')
          : table(story.events.map((event) => eventCells(event, out))),
      );
    });
}
