import { setTimeout as sleep } from 'node:timers/promises';
import type { EventQuery, ExportFilter, RecordStore, StoredEvent } from '../../audit/record.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf } from '../authenticate.ts';
import { filterParameters, readEventFilter } from '../event-filter.ts';
import { EventStream } from '../event-stream.ts';
import { Problem } from '../problem.ts';
import { invalidQuery, readQuery } from '../query.ts';
import type { Route } from '../route.ts';

const countDefault = 10;
const countMax = 999;

/** How often what is new is looked for, milliseconds. */
const lookEveryMs = 1_000;

/** Tails at once: each of them reads once a second. */
const tailsMax = 16;

/** Pages of one look; a filter that lets more through in a second loses the oldest of them, which the list has. */
const pagesMax = 20;
const pageLimit = 500;

const parameters = {
  count: { description: `How many to begin with, at most ${countMax}` },
  follow: { description: 'yes: what comes follows, until the client leaves', enum: ['yes'] },
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
      const first = count === undefined ? countDefault : readCount(count);
      if (tails >= tailsMax) throw new Problem('overloaded', 'Too many tails of the record are open.');
      tails += 1;
      try {
        await options.onRead(caller, follow === undefined ? 'tail' : 'follow');
        const newest = await newestEvents(options.record, filter, first);
        using stream = new EventStream(response);
        await send(stream, newest);
        if (follow !== undefined) await followFrom(options, { caller, filter, stream, newest });
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
  readonly newest: readonly StoredEvent[];
}

async function followFrom(
  { record, isStillActive, isDraining }: TailAuditOptions,
  { caller, filter, stream, newest }: Following,
): Promise<void> {
  const leaving = new AbortController();
  stream.onClosed(() => leaving.abort());
  let last = newest.at(-1) ?? (await newestEvents(record, filter, 1)).at(-1);
  while (!stream.isClosed && !isDraining()) {
    if (!(await sleep(lookEveryMs, true, { signal: leaving.signal }).catch(() => false))) return;
    if (!(await isStillActive(caller))) return;
    const fresh = await eventsSince(record, filter, last?.id ?? null);
    if (!(await send(stream, fresh))) return;
    last = fresh.at(-1) ?? last;
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

/** From the newest back to one that was seen, oldest first. */
async function eventsSince(
  record: TailAuditOptions['record'],
  filter: ExportFilter,
  seen: string | null,
): Promise<readonly StoredEvent[]> {
  const fresh: StoredEvent[] = [];
  let query: EventQuery = { ...filter, order: 'desc', limit: pageLimit };
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const { items, nextCursor } = await record.listEvents(query);
    const end = items.findIndex(({ id }) => id === seen);
    fresh.push(...(end === -1 ? items : items.slice(0, end)));
    if (end !== -1 || nextCursor === null) break;
    query = { ...query, cursor: nextCursor };
  }
  return fresh.toReversed();
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
