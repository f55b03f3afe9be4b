import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import {
  ApprovalPending,
  ArgumentsRefused,
  CallFailed,
  ConnectionFailed,
  NotFound,
  PolicyDenied,
  Sallyport,
  ServerUnavailable,
  Unauthorized,
  UnexpectedAnswer,
} from '../../src/client/index.ts';
import type {
  CallEvent,
  DecisionSummary,
  NearestCall,
  QuotaDraw,
  RequestRefused,
} from '../../src/client/index.ts';
import { refundDirectory } from '../support/refund-policy.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { CuttingProxy } from './cutting-proxy.ts';

const runTool = `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: run, description: Runs code.}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string}}}
  runtime: {kind: isolate}
---
apiVersion: sallyport/v1
kind: Tool
metadata: {name: capped}
spec:
  input: {type: object, required: [cents], properties: {cents: {type: integer}}}
  runtime: {kind: isolate, code: ./refund.js}
---
apiVersion: sallyport/v1
kind: Boundary
metadata: {name: live}
spec: {stream: live}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: runners}
spec:
  subjects: [{}]
  rules:
    - {name: short, effect: allow, tools: [run], when: args.code.size() < 1000, boundary: live}
    - {name: ten, effect: allow, tools: [capped], when: args.cents <= 10, message: Ten at most.}
`;
/** Runs on until it is ended. */
const onAndOn = 'await new Promise((done) => setTimeout(done, 3_600_000))';

const directory = refundDirectory();
let server: TestServer;
let sallyport: Sallyport;
let lead = '';
beforeAll(async () => {
  writeFileSync(join(directory, 'run.yaml'), runTool);
  server = await startServer({
    policyDir: directory,
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  sallyport = new Sallyport({ url: server.url, apiKey: await server.keyFor('ana', [], ['call']) });
  lead = await server.keyFor('mia', ['lead'], ['approve']);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function clientOf(url: string, more: object = {}): Sallyport {
  return new Sallyport({ url, apiKey: server.key, ...more });
}

/** How many calls of the tool are on the record. */
async function callsOnRecord(label: string): Promise<number> {
  const { body } = await server.request('GET', '/v1/audit/events?type=intent&limit=1000');
  return JSON.stringify(body).split(`"${label}"`).length - 1;
}

async function collect(events: AsyncIterable<CallEvent>): Promise<CallEvent[]> {
  const all: CallEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

async function withAnswers(answer: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const other = createServer(answer).listen(0, '127.0.0.1');
  await once(other, 'listening');
  try {
    await use(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
  } finally {
    other.closeAllConnections();
    other.close();
  }
}

describe('run', () => {
  test('answers with the call', async () => {
    const call = await sallyport.run('run', { code: 'console.log("hello"); return 6 * 7' });
    expect(call).toMatchObject({ status: 'succeeded', result: 42, output: { stdout: 'hello\n' } });
    expect(await sallyport.calls.get(call.id)).toEqual(call);
    expect(await sallyport.calls.modelText(call.id)).toMatch(/<<UNTRUSTED \w+>>\nresult:\n42/);
  });

  test('throws what the tool threw, with the call', async () => {
    const failed = sallyport.run('run', { code: 'throw new RangeError("too far")' });
    await expect(failed).rejects.toThrow('run failed: RangeError: too far');
    const error = await failed.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CallFailed);
    expect((error as CallFailed).call).toMatchObject({ status: 'failed', error: { name: 'RangeError' } });
  });

  test.each([
    ['policy', PolicyDenied, () => sallyport.run('run', { code: ' '.repeat(1000) })],
    ['arguments', ArgumentsRefused, () => sallyport.run('run', { cod: '' })],
    ['an unknown tool', NotFound, () => sallyport.run('runn', {})],
    ['a wrong key', Unauthorized, () => clientOf(server.url, { apiKey: 'spk_x_y' }).run('run', {})],
    ['a limit', ArgumentsRefused, () => sallyport.run('run', { code: '' }, { limits: { timeoutMs: 1e9 } })],
  ])('says what refuses it: %s', async (_, kind, run) => {
    const error = await run().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(kind);
    expect((error as RequestRefused).problem).toMatchObject({ code: (error as RequestRefused).code });
    expect((error as RequestRefused).requestId).toMatch(/^req_/);
  });

  test('shows each mistake of the arguments and what was meant', async () => {
    const error = (await sallyport.run('run', { cod: '' }).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toContain('/code: ');
    expect(error.message).toContain('/cod: ');
  });

  test('says that a person decides, and waits for them', async () => {
    const pending = await sallyport.run('refund', { cents: 5000 }).catch((thrown: unknown) => thrown);
    expect(pending).toBeInstanceOf(ApprovalPending);
    const { call } = pending as ApprovalPending;
    const ended = sallyport.calls.wait(call.id);
    const body = { decision: 'approve', reason: 'agreed' };
    await server.request('POST', `/v1/approvals/${call.approval?.id}`, { key: lead, body });
    expect(await ended).toMatchObject({ status: 'succeeded', result: { paid: 5000 } });
  });

  test('a rejection is an end with its reason', async () => {
    const call = await sallyport.start('refund', { cents: 6000 });
    const ended = sallyport.calls.wait(call.id);
    const body = { decision: 'reject', reason: 'not this one' };
    await server.request('POST', `/v1/approvals/${call.approval?.id}`, { key: lead, body });
    await expect(ended).rejects.toThrow('refund rejected: not this one');
  });
});

describe('start, wait, cancel', () => {
  test('a call that runs is ended', async () => {
    const { id, status } = await sallyport.start('run', { code: onAndOn });
    expect(status).toBe('running');
    const ended = sallyport.calls.wait(id).catch((thrown: unknown) => thrown);
    await sallyport.calls.cancel(id);
    expect(((await ended) as CallFailed).call.status).toBe('cancelled');
  });

  test('the signal ends the wait and not the call', async () => {
    const stop = new AbortController();
    const { id } = await sallyport.start('run', { code: onAndOn });
    const waiting = sallyport.calls.wait(id, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect((await sallyport.calls.get(id)).status).toBe('running');
    await sallyport.calls.cancel(id);
  });
});

describe('stream', () => {
  test('tells prints as they come, and the call at last', async () => {
    const seen: string[] = [];
    let id = '';
    for await (const event of sallyport.stream('run', { code: `console.log("first"); ${onAndOn}` })) {
      seen.push(event.type);
      if (event.type === 'started') ({ id } = event.data);
      // It prints no more until it is ended: the print came while it ran.
      if (event.type === 'stdout') await sallyport.calls.cancel(id);
      if (event.type === 'finished') expect(event.data.status).toBe('cancelled');
    }
    expect(seen).toEqual(['started', 'stdout', 'finished']);
  });

  test('who leaves it hangs up, and may follow the call again', async () => {
    let id = '';
    for await (const event of sallyport.stream('run', { code: `console.log("first"); ${onAndOn}` })) {
      if (event.type === 'started') ({ id } = event.data);
      if (event.type === 'stdout') break;
    }
    await sallyport.calls.cancel(id);
    const again = await collect(sallyport.calls.follow(id));
    expect(again.map(({ type }) => type)).toEqual(['started', 'stdout', 'finished']);
  });

  test('goes on where it was when the line is cut, with nothing twice', async () => {
    const isBehindFirst: (answered: string) => boolean = (answered) => answered.includes('event: stdout');
    await using proxy = await CuttingProxy.start(server.url, [isBehindFirst, isBehindFirst]);
    const client = clientOf(proxy.url);
    const code = 'for (let at = 0; at < 200; at += 1) console.log(`line ${at}`); return 1';
    const events = await collect(client.stream('run', { code }, { labels: { test: 'cut-stream' } }));
    const text = events.map(({ type, data }) => (type === 'stdout' ? data.text : '')).join('');
    expect(text.split('\n').slice(0, -1)).toEqual(Array.from({ length: 200 }, (_, at) => `line ${at}`));
    expect(events.at(-1)).toMatchObject({ type: 'finished', data: { result: 1 } });
    expect(await callsOnRecord('cut-stream')).toBe(1);
    expect(proxy.requests.length).toBeGreaterThan(1);
  });
});

describe('a line that breaks', () => {
  test('before the answer: the call is asked for again and has run once', async () => {
    await using proxy = await CuttingProxy.start(server.url, [() => true]);
    const labels = { test: 'cut-answer' };
    const call = await clientOf(proxy.url).run('run', { code: 'return 7' }, { labels });
    expect(call.result).toBe(7);
    expect(proxy.requests).toEqual(['POST /v1/calls', 'POST /v1/calls']);
    expect(await callsOnRecord('cut-answer')).toBe(1);
  });

  test('while it runs: the client waits for the call that runs', async () => {
    const label = 'cut-running';
    const idempotencyKey = 'cut-running-1';
    const first = clientOf(server.url).start('run', { code: onAndOn }, { labels: { label }, idempotencyKey });
    const { id } = await first;
    const second = clientOf(server.url)
      .run('run', { code: onAndOn }, { labels: { label }, idempotencyKey })
      .catch((thrown: unknown) => thrown);
    await sallyport.calls.cancel(id).catch(() => clientOf(server.url).calls.cancel(id));
    expect(((await second) as CallFailed).call).toMatchObject({ id, status: 'cancelled' });
    expect(await callsOnRecord(label)).toBe(1);
  });

  test('a session is not asked for twice', async () => {
    await using proxy = await CuttingProxy.start(server.url, [() => true]);
    const opening = clientOf(proxy.url).sessions.create({ image: 'python' });
    await expect(opening).rejects.toThrow(ConnectionFailed);
    expect(proxy.requests).toEqual(['POST /v1/sessions']);
  });

  test('nobody listens', async () => {
    await expect(clientOf('http://127.0.0.1:9', { retriesMax: 1 }).tools()).rejects.toThrow(ConnectionFailed);
    // Mistakes of the caller's are no server that does not answer.
    const nowhere = clientOf('http://127.0.0.1:9');
    await expect(nowhere.run('js_run', { input: 1n as never })).rejects.toThrow(TypeError);
    await expect(nowhere.run('js_run', {}, { idempotencyKey: 'a\nb' })).rejects.toThrow(TypeError);
  });
});

test.each(['..', '../../ses_other', 'a/../../../keys/x', '', 'a//b', './a'])(
  'a path that leads out of a session is refused before it is asked for: %j',
  async (path) => {
    const asked: string[] = [];
    const client = clientOf(server.url, {
      fetch: (url: URL, init?: RequestInit) => {
        asked.push(String(url));
        const body = JSON.stringify({ id: 'ses_1', image: 'python' });
        return Promise.resolve(new Response(init?.method === 'GET' ? body : '{}'));
      },
    });
    const session = await client.sessions.get('ses_1');
    await expect(session.files.remove(path)).rejects.toThrow(TypeError);
    await expect(session.files.read(path)).rejects.toThrow(TypeError);
    await expect(session.files.write(path, 'x')).rejects.toThrow(TypeError);
    expect(() => client.calls.get('../keys')).toThrow(TypeError);
    expect(asked).toHaveLength(1);
  },
);

describe('what is no answer of a Sallyport server', () => {
  const problem = {
    type: 'urn:sallyport:problem:overloaded',
    title: 'busy',
    status: 503,
    detail: 'no room',
    code: 'overloaded',
    requestId: 'req_1',
    retryable: true,
  };

  test('a redirection is not followed: the key goes to nobody else', async () => {
    let leaked = 0;
    await withAnswers(
      (_, response) => {
        leaked += 1;
        response.end('{"tools":[]}');
      },
      (elsewhere) =>
        withAnswers(
          (_, response) => response.writeHead(307, { Location: elsewhere }).end(),
          async (url) => {
            await expect(clientOf(url, { retriesMax: 0 }).tools()).rejects.toThrow(ConnectionFailed);
          },
        ),
    );
    expect(leaked).toBe(0);
  });

  test.each([
    [502, '<html>bad gateway</html>'],
    [200, '<html>welcome</html>'],
    [500, '{"error": "no"}'],
    [500, 'null'],
  ])('%i %s', async (status, text) => {
    await withAnswers(
      (_, response) => response.writeHead(status).end(text),
      async (url) => {
        await expect(clientOf(url).tools()).rejects.toThrow(UnexpectedAnswer);
      },
    );
  });

  test('a server that is busy is asked again, as often as said', async () => {
    let asked = 0;
    await withAnswers(
      (_, response) => {
        asked += 1;
        response.writeHead(503, { 'Retry-After': '0' }).end(JSON.stringify(problem));
      },
      async (url) => {
        await expect(clientOf(url, { retriesMax: 2 }).tools()).rejects.toThrow(ServerUnavailable);
      },
    );
    expect(asked).toBe(3);
  });

  test('one that asks for more than a short pause is left alone', async () => {
    let asked = 0;
    await withAnswers(
      (_, response) => {
        asked += 1;
        response.writeHead(503, { 'Retry-After': '60' }).end(JSON.stringify(problem));
      },
      async (url) => {
        await expect(clientOf(url).tools()).rejects.toThrow('overloaded: no room');
      },
    );
    expect(asked).toBe(1);
  });
});

test('tools and decisions', async () => {
  expect((await sallyport.tools()).map(({ name }) => name)).toEqual(['capped', 'refund', 'run']);
  const [, , tool] = await sallyport.tools('openai');
  expect(tool).toMatchObject({ type: 'function', function: { name: 'run', description: 'Runs code.' } });
  const [, mcp] = await sallyport.tools('mcp');
  expect(mcp?.title).toBe('Refund');
  const decision = await sallyport.decide('run', { code: '' });
  expectTypeOf(decision).toExtend<DecisionSummary>();
  expectTypeOf(decision.quotas).toEqualTypeOf<readonly QuotaDraw[]>();
  expect(decision).toMatchObject({ effect: 'allow', rule: 'short', quotas: [], boundary: ['live'] });
  expect(decision.limits.timeoutMs).toBe(10_000);
  expect(decision.trace).toBeUndefined();
});

test('a denial and its problem say what would be permitted', async () => {
  const args = { cents: 5000 };
  const { effect, reasons, nearest } = await sallyport.decide('capped', args);
  expect([effect, reasons]).toEqual(['deny', ['Ten at most.']]);
  expect(nearest?.changes).toEqual([{ pointer: '/cents', allowed: 'at most 10', suggested: 10 }]);
  const { problem } = (await sallyport
    .run('capped', args)
    .catch((error: unknown) => error)) as RequestRefused;
  expectTypeOf(problem.nearest).toEqualTypeOf<NearestCall | undefined>();
  expect(problem.nearest).toEqual(nearest);
});

test('says at once what it lacks', () => {
  expect(() => new Sallyport({ url: 'localhost', apiKey: 'x' })).toThrow('not a URL');
  expect(() => new Sallyport({ url: 'file:///etc/passwd', apiKey: 'x' })).toThrow('not a URL');
  expect(() => new Sallyport({ apiKey: '' })).toThrow('no API key');
});
