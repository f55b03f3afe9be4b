/** What a server owes after a crash: every answer that reached a caller, word for word, and an end for every call. */
import { expect } from 'vitest';

import type { Call } from '../../src/model/call.ts';
import type { Answer, TestServer } from './server.ts';

/** Sends a call; null when the connection was lost before the answer came. */
export async function tryCall(server: TestServer, tool: string, args: object): Promise<Answer | null> {
  return await server.call(tool, args).catch(() => null);
}

/** The call of an answer that must have come, and must be a call. */
export function callOf(answer: Answer | null): Call {
  expect(answer).toMatchObject({ status: 200 });
  return answer?.body as Call;
}

/** Holds each acknowledged call, with its artifacts, against the record; no call is left open, the chain verifies. */
export async function expectNothingLost(
  server: Pick<TestServer, 'request'>,
  acknowledged: readonly (Answer | null)[],
): Promise<void> {
  for (const answer of acknowledged) {
    if (answer === null) continue;
    const call = callOf(answer);
    expect((await server.request('GET', `/v1/calls/${call.id}`)).body).toEqual(call);
    for (const { url, sizeBytes } of call.artifacts)
      expect((await server.request('GET', url)).headers.get('content-length')).toBe(String(sizeBytes));
  }
  expect(await countEvents(server, 'intent')).toBe(
    (await countEvents(server, 'outcome')) + (await countEvents(server, 'not_started')),
  );
  const { body } = await server.request('GET', '/v1/audit/verify');
  expect(body).toMatchObject({ valid: true, problems: [] });
}

export async function countEvents(server: Pick<TestServer, 'request'>, filter: string): Promise<number> {
  const { body } = await server.request('GET', `/v1/audit/events?limit=200&type=${filter}`);
  expect(body.nextCursor).toBeNull();
  return (body.items as unknown[]).length;
}
