import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allEvents, readEvents } from '../support/read-events.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
/** Runs until it is ended. */
const endless = {
  tool: 'js_run',
  args: { code: 'await new Promise((done) => setTimeout(done, 3_600_000))' },
};
const printing = {
  tool: 'js_run',
  args: { code: 'console.log("one"); console.error("warned"); console.log("two"); return {n: 1}' },
};
const asEvents = { Accept: 'text/event-stream' };

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ environment: noEngine });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Asks and hands out the answer unread. */
function open(path: string, headers: Record<string, string> = {}, body?: object): Promise<Response> {
  return fetch(server.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${server.key}`, 'Content-Type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function follow(id: string, headers: Record<string, string> = {}): Promise<Response> {
  return open(`/v1/calls/${id}/events`, headers);
}

describe('the events of a call over HTTP', () => {
  test('of one that ended are its start, its prints and the whole call', async () => {
    const { body } = await server.call(printing.tool, printing.args);
    const response = await follow(body.id);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const events = await allEvents(response);
    expect(events.map(({ type }) => type)).toEqual(['started', 'stdout', 'stderr', 'finished']);
    expect(events[0]?.data).toMatchObject({ id: body.id, tool: 'js_run', status: 'running' });
    expect(events[1]?.data).toEqual({ text: 'one\ntwo\n' });
    expect(events[2]?.data).toEqual({ text: 'warned\n' });
    expect(events[3]?.data).toEqual(body);
  });

  test('go on after the last one that arrived', async () => {
    const { body } = await server.call(printing.tool, printing.args);
    const all = await allEvents(await follow(body.id));
    for (const [index, { id }] of all.slice(0, -1).entries())
      expect(await allEvents(await follow(body.id, { 'Last-Event-ID': id }))).toEqual(all.slice(index + 1));
  });

  test('an id that is none is refused before the answer begins', async () => {
    const { body } = await server.call('js_run', { code: 'return 1' });
    const refused = await server.request('GET', `/v1/calls/${body.id}/events`, {
      headers: { 'Last-Event-ID': 'evt_1' },
    });
    expect(refused).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
  });

  test('of a call that is not there or is another one’s are not found', async () => {
    const { body } = await server.call('js_run', { code: 'return 1' });
    const eve = await server.keyFor('eve', [], ['call'], 'elsewhere');
    for (const [id, key] of [
      [body.id, eve],
      ['call_none', server.key],
    ])
      expect(await server.request('GET', `/v1/calls/${id}/events`, { key })).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
  });
});

describe('a call that is asked for as events', () => {
  test('tells its start while it runs, and its end once it is cancelled', async () => {
    const response = await open('/v1/calls', asEvents, endless);
    expect(response.status).toBe(200);
    const types: string[] = [];
    for await (const { type, data } of readEvents(response)) {
      types.push(type);
      if (type !== 'started') {
        expect(data).toMatchObject({ status: 'cancelled' });
        continue;
      }
      expect(response.headers.get('location')).toBe(`/v1/calls/${data.id}`);
      expect((await server.request('GET', `/v1/calls/${data.id}`)).body.status).toBe('running');
      expect((await server.request('DELETE', `/v1/calls/${data.id}`)).status).toBe(202);
    }
    expect(types).toEqual(['started', 'finished']);
  });

  test('goes on when its client hangs up', async () => {
    let id = '';
    for await (const { data } of readEvents(await open('/v1/calls', asEvents, endless))) {
      id = data.id;
      break;
    }
    expect((await server.request('GET', `/v1/calls/${id}`)).body.status).toBe('running');
    const rest = await follow(id, { 'Last-Event-ID': '1.0.0.0' });
    await server.request('DELETE', `/v1/calls/${id}`);
    expect((await allEvents(rest)).map(({ data }) => data.status)).toEqual(['cancelled']);
  });

  test('is a problem where it is refused, and JSON for a client that takes anything', async () => {
    const refused = await open('/v1/calls', asEvents, { tool: 'nothing', args: {} });
    expect(refused.status).toBe(404);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    const any = await open('/v1/calls', { Accept: '*/*' }, printing);
    expect(await any.json()).toMatchObject({ status: 'succeeded' });
  });

  test('is followed, not run again, under the idempotency key of one that ended', async () => {
    const headers = { ...asEvents, 'Idempotency-Key': 'events-1' };
    const first = await allEvents(await open('/v1/calls', headers, printing));
    const again = await open('/v1/calls', headers, printing);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await allEvents(again)).toEqual(first);
  });

  test('tells nothing more to a key that was revoked', async () => {
    const secret = await server.keyFor('ana', ['developer'], ['call']);
    const response = await open('/v1/calls', { ...asEvents, Authorization: `Bearer ${secret}` }, endless);
    const seen: string[] = [];
    for await (const { type, data } of readEvents(response)) {
      seen.push(type);
      const keys = (await server.request('GET', '/v1/keys')).body.items as {
        id: string;
        principal: string;
      }[];
      const key = keys.findLast(({ principal }) => principal === 'ana');
      expect((await server.request('DELETE', `/v1/keys/${key?.id}`)).status).toBe(204);
      await server.request('DELETE', `/v1/calls/${data.id}`);
    }
    expect(seen).toEqual(['started']);
  });
});

describe('Prefer', () => {
  test('respond-async answers while the call runs; the events tell the rest', async () => {
    const asked = await server.request('POST', '/v1/calls', {
      body: endless,
      headers: { Prefer: 'respond-async' },
    });
    expect(asked).toMatchObject({ status: 202, body: { status: 'running', finishedAt: null } });
    expect(asked.headers.get('preference-applied')).toBe('respond-async');
    expect(asked.headers.get('location')).toBe(`/v1/calls/${asked.body.id}`);
    const response = await follow(asked.body.id);
    await server.request('DELETE', `/v1/calls/${asked.body.id}`);
    expect((await allEvents(response)).map(({ type }) => type)).toEqual(['started', 'finished']);
  });

  test('wait is over when the call is, or after its time', async () => {
    const quick = await server.request('POST', '/v1/calls', {
      body: printing,
      headers: { Prefer: 'wait=60' },
    });
    expect(quick).toMatchObject({ status: 200, body: { status: 'succeeded' } });
    expect(quick.headers.get('preference-applied')).toBe('wait=60');
    const slow = await server.request('POST', '/v1/calls', { body: endless, headers: { Prefer: 'wait=1' } });
    expect(slow).toMatchObject({ status: 202, body: { status: 'running' } });
    await server.request('DELETE', `/v1/calls/${slow.body.id}`);
  });

  test('what it cannot mean is left aside', async () => {
    const answer = await server.request('POST', '/v1/calls', {
      body: printing,
      headers: { Prefer: 'wait=soon' },
    });
    expect(answer).toMatchObject({ status: 200, body: { status: 'succeeded' } });
    expect(answer.headers.get('preference-applied')).toBeNull();
  });
});

describe('a call that waits for its turn', () => {
  const placesOfOneTenant = 16;

  test('is queued, begins when there is a place, can be taken back, and is closed when the server dies', async () => {
    const first = await startServer({ environment: noEngine });
    const ask = async () =>
      (await first.request('POST', '/v1/calls', { body: endless, headers: { Prefer: 'respond-async' } }))
        .body as {
        id: string;
        status: string;
      };
    const running = await Promise.all(Array.from({ length: placesOfOneTenant }, ask));
    expect(new Set(running.map(({ status }) => status))).toEqual(new Set(['running']));
    const next = await ask();
    const takenBack = await ask();
    const left = await ask();
    expect([next, takenBack, left].map(({ status }) => status)).toEqual(['queued', 'queued', 'queued']);
    const listed = await first.request('GET', '/v1/calls?status=queued');
    expect(listed.body.items.map(({ id }: { id: string }) => id).toSorted()).toEqual(
      [next.id, takenBack.id, left.id].toSorted(),
    );

    const headers = { Authorization: `Bearer ${first.key}` };
    const told = allEvents(await fetch(`${first.url}/v1/calls/${takenBack.id}/events`, { headers }));
    expect((await first.request('DELETE', `/v1/calls/${takenBack.id}`)).status).toBe(202);
    expect(await told).toMatchObject([
      { type: 'finished', data: { status: 'cancelled', error: { name: 'NotStarted' } } },
    ]);

    const began = await fetch(`${first.url}/v1/calls/${next.id}/events`, { headers });
    for (const { id } of running.slice(0, 1)) await first.request('DELETE', `/v1/calls/${id}`);
    for await (const { type } of readEvents(began)) {
      expect(type).toBe('started');
      break;
    }
    await first.stop('SIGKILL');

    await using again = await startServer({ dataDir: first.dataDir, environment: noEngine });
    const statusOf = async (id: string) => (await again.request('GET', `/v1/calls/${id}`)).body;
    expect(await statusOf(left.id)).toMatchObject({ status: 'cancelled', error: { name: 'NotStarted' } });
    expect(await statusOf(next.id)).toMatchObject({ status: 'unknown' });
    const story = await again.request('GET', `/v1/audit/calls/${left.id}`);
    expect(story.body.events.map(({ type }: { type: string }) => type)).toEqual(['queued', 'not_started']);
    expect((await again.request('GET', '/v1/audit/verify?deep=true')).body).toMatchObject({ valid: true });
  });
});

test('at shutdown a call that nobody waits for is ended and recorded, and its events end', async () => {
  await using own = await startServer({ environment: { ...noEngine, SALLYPORT_DRAIN_MS: '0' } });
  const asked = await own.request('POST', '/v1/calls', {
    body: endless,
    headers: { Prefer: 'respond-async' },
  });
  const events = await fetch(`${own.url}${asked.headers.get('location')}/events`, {
    headers: { Authorization: `Bearer ${own.key}` },
  });
  const told = allEvents(events);
  expect(await own.stop()).toEqual({ code: 0, signal: null });
  expect((await told).at(-1)).toMatchObject({ type: 'finished', data: { status: 'cancelled' } });
  await using next = await startServer({ dataDir: own.dataDir, environment: noEngine });
  expect((await next.request('GET', `/v1/calls/${asked.body.id}`)).body.status).toBe('cancelled');
});
