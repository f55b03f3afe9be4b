/** Pages of events from the server, one after the other. */
import type { Page, StoredEvent } from '../../audit/record.ts';
import type { Client } from '../client.ts';

const pageLimit = '500';

/** Newest first. */
export async function* readEvents(
  client: Client,
  query: Readonly<Record<string, string>>,
): AsyncGenerator<StoredEvent> {
  for (let cursor: string | null = ''; cursor !== null;) {
    const search = new URLSearchParams({
      ...query,
      limit: pageLimit,
      ...(cursor === '' ? {} : { cursor }),
    });
    const page = (await client.request('GET', `/v1/audit/events?${search.toString()}`)) as Page<StoredEvent>;
    yield* page.items;
    cursor = page.nextCursor;
  }
}
