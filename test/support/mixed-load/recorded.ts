/** Holds what was acknowledged under load against the record of the server. */
import { expect } from 'vitest';
import type { TestServer } from '../server.ts';
import type { Acknowledged } from './plan.ts';

type Outcomes = Map<string, string>;

/**
 * Every call that was answered is on the record with the end that was answered, each call that began has one end, and
 * none has two. Returns how each of them ended.
 */
export async function expectAllRecorded(
  server: Pick<TestServer, 'request'>,
  acknowledged: readonly Acknowledged[],
): Promise<Outcomes> {
  const begun = (await eventsOf(server, 'intent')).map(({ callId }) => callId);
  const ended = [...(await eventsOf(server, 'outcome')), ...(await eventsOf(server, 'not_started'))];
  expect(new Set(begun).size).toBe(begun.length);
  expect(ended.map(({ callId }) => callId).toSorted()).toEqual(begun.toSorted());
  const outcomes = new Map(ended.map(({ callId, status }) => [callId, status]));
  const wrong = acknowledged.filter(({ id, status }) => !isAsAnswered(outcomes.get(id), status));
  expect(wrong).toEqual([]);
  expect(new Set(acknowledged.map(({ id }) => id)).size).toBe(acknowledged.length);
  expect((await server.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true, problems: [] });
  return outcomes;
}

/** One that still ran, or waited for its turn, when it was answered has ended since. */
function isAsAnswered(recorded: string | undefined, answered: string): boolean {
  const wasOpen = answered === 'running' || answered === 'queued';
  return wasOpen ? recorded !== undefined : recorded === answered;
}

async function eventsOf(
  server: Pick<TestServer, 'request'>,
  type: string,
): Promise<{ callId: string; status: string }[]> {
  const events: { callId: string; status: string }[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { body } = await server.request('GET', `/v1/audit/events?type=${type}&limit=1000&order=asc${page}`);
    events.push(...body.items);
    cursor = body.nextCursor;
  }
  return events;
}
