import { setTimeout as sleep } from 'node:timers/promises';
import { pageBytesMax } from '../../audit/cursor.ts';
import type { EventQuery, ExportFilter, RecordStore, StoredEvent } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf } from '../authenticate.ts';
import { filterParameters, readEventFilter } from '../event-filter.ts';
import { EventStream } from '../event-stream.ts';
import { Problem } from '../problem.ts';
import { flagParameter, invalidQuery, readFlag, readQuery } from '../query.ts';
import type { Route } from '../route.ts';

const countDefault = 10;
const countMax = 999;

/** How often what is new is looked for, milliseconds. */
const lookEveryMs = 1_000;

/** Tails at once: each of them reads once a second. */
const tailsMax = 16;

/** Pages of one look, sent one after the other; what is left is sent at the next. */
const pagesMax = 20;
const pageLimit = 500;

const parameters = {
  count: {
    description: `How many to begin with, at most ${countMax}; fewer where they hold more than ${pageBytesMax / 1024 ** 2} MiB`,
  },
  follow: flagParameter('what comes follows, until the client leaves'),
  ...filterParameters,
} as const;

export interface TailAuditOptions {
  readonly record: Pick<RecordStore, 'listEvents'>;
  readonly onRead: (caller: Caller, what: string) => Promise<void>;
  readonly isStillActive: (caller: Caller) => Promise<boolean>;
  readonly isDraining: () => boolean;
}

/** `GET /v1/audit/tail`: the newest events, and those that come, as server-sent events. Reading on is one reading. */
export function tailAuditRoute(options: TailAuditOptions): Route {
  let tails = 0;
  return {
    method: 'get',
    path: '/v1/audit/tail',
    scope: 'audit',
    operationId: 'tailAudit',
    summary: 'Follow the record',
    query: parameters,
    success: {
      status: 200,
      description: 'Server-sent events, each named `event`, with an event of the record as data.',
      mediaType: 'text/event-stream',
    },
    problems: ['malformed_request', 'audit_unavailable', 'overloaded'],
    audits: ['audit_read'],
    async handler(request, response) {
      const caller = callerOf(response);
      const { count, follow, ...filters } = readQuery(
        request,
        Object.keys(parameters) as (keyof typeof parameters)[],
      );
      const filter = readEventFilter(caller, filters);
      const isFollowed = readFlag('follow', follow);
      const first = count === undefined ? countDefault : readCount(count);
      if (tails >= tailsMax) throw new Problem('overloaded', 'Too many tails of the record are open.');
      tails += 1;
      try {
        await options.onRead(caller, isFollowed ? 'follow' : 'tail');
        // Before the newest that fit are read, so that nothing is between them and what follows.
        const latest = await latestId(options.record, filter);
        const newest = await newestEvents(options.record, filter, first);
        using stream = new EventStream(response);
        await send(stream, newest);
        const seen = newest.at(-1)?.id ?? latest;
        if (isFollowed) await followFrom(options, { caller, filter, stream, seen });
      } finally {
        tails -= 1;
      }
    },
  };
}

interface Following {
  readonly caller: Caller;
  readonly filter: ExportFilter;
  readonly stream: EventStream;
  /** Id of the event after which it goes on; null: from the first. */
  readonly seen: string | null;
}

async function followFrom(
  { record, isStillActive, isDraining }: TailAuditOptions,
  { caller, filter, stream, seen }: Following,
): Promise<void> {
  const leaving = new AbortController();
  stream.onClosed(() => leaving.abort());
  let after = seen;
  while (!stream.isClosed && !isDraining()) {
    if (!(await sleep(lookEveryMs, true, { signal: leaving.signal }).catch(() => false))) return;
    if (!(await isStillActive(caller))) return;
    const latest = await latestId(record, filter);
    if (latest === after) continue;
    const sent = await sendSince({ record, filter, stream, after });
    after = sent ?? latest;
  }
}

/** Oldest first. */
async function newestEvents(
  record: TailAuditOptions['record'],
  filter: ExportFilter,
  limit: number,
): Promise<readonly StoredEvent[]> {
  if (limit === 0) return [];
  return (await record.listEvents({ ...filter, order: 'desc', limit })).items.toReversed();
}

/** The last event that the reader may see, whatever the filter lets through. */
async function latestId(
  record: TailAuditOptions['record'],
  { tenant }: ExportFilter,
): Promise<string | null> {
  const { items } = await record.listEvents({ tenant, order: 'desc', limit: 1 });
  return items[0]?.id ?? null;
}

/** Sends what was written after an event, a page at a time. Resolves with the id of the last that was sent, null for none. */
async function sendSince({
  record,
  filter,
  stream,
  after,
}: Pick<TailAuditOptions, 'record'> & {
  readonly filter: ExportFilter;
  readonly stream: EventStream;
  readonly after: string | null;
}): Promise<string | null> {
  let query: EventQuery = {
    ...filter,
    order: 'asc',
    limit: pageLimit,
    ...(after !== null && { afterId: after }),
  };
  let sent: string | null = null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const { items, nextCursor } = await record.listEvents(query);
    if (!(await send(stream, items))) return sent;
    sent = items.at(-1)?.id ?? sent;
    if (nextCursor === null) return sent;
    query = { ...query, cursor: nextCursor };
  }
  return sent;
}

async function send(stream: EventStream, events: readonly StoredEvent[]): Promise<boolean> {
  for (const event of events)
    if (!(await stream.send({ id: event.id, type: 'event', data: event }))) return false;
  return !stream.isClosed;
}

function readCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,3}$/.test(text) || count > countMax)
    throw invalidQuery({ pointer: '?count', message: `must be a whole number up to ${countMax}` });
  return count;
}
