/**
 * Requests made from the OpenAPI document, good, half good and bad, with and without keys: every answer is one that the
 * document has, none is a 500, none hangs, and what changed something is on the record. `FUZZ_REQUESTS` says how many.
 */
import fc from 'fast-check';
import { Agent, request } from 'node:http';
import { expect, test } from 'vitest';
import { Contract } from '../support/contract.ts';
import type { ObservedAnswer, OpenApiDocument, Operation } from '../support/contract.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const requestsTotal = Number(process.env['FUZZ_REQUESTS'] ?? 2000);
const atOnce = 24;
const answerMsMax = 20_000;
/** What the process may hold more after the second half than after the first. */
const growthMiBMax = 128;

interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly key: 'none' | 'wrong' | 'call' | 'audit' | 'admin';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

const junk = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '..', '%00', 'null', '__proto__', "' OR 1=1 --", 'x'.repeat(300), '-1', '1e400'),
);
const id = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('call', 'ses', 'apr', 'art', 'evt', 'blk', 'file')
      .map((kind) => `${kind}_01ARZ3NDEKTSV4RRFFQ69G5FAV`),
  },
  { weight: 2, arbitrary: junk.filter((text) => text !== '' && text !== '.' && text !== '..') },
);

/** Values that fit a schema, mostly. */
function fromSchema(schema: Record<string, unknown>, depth = 0): fc.Arbitrary<unknown> {
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  if (schema['const'] !== undefined) return fc.constant(schema['const']);
  const { type } = schema;
  if (type === 'object' && depth < 4) {
    const properties = (schema['properties'] ?? {}) as Record<string, Record<string, unknown>>;
    const required = (schema['required'] ?? []) as string[];
    const members = Object.fromEntries(
      Object.entries(properties).map(([name, member]) => [name, fromSchema(member, depth + 1)]),
    );
    return fc.record(members, { requiredKeys: required.filter((name) => name in members) });
  }
  if (type === 'array') {
    const items = fromSchema((schema['items'] ?? {}) as Record<string, unknown>, depth + 1);
    return fc.array(items, { minLength: Number(schema['minItems'] ?? 0), maxLength: 3 });
  }
  if (type === 'integer' || type === 'number') {
    const min = Number(schema['minimum'] ?? 0);
    return fc.integer({ min, max: Math.min(Number(schema['maximum'] ?? min + 10_000), min + 1_000_000) });
  }
  if (type === 'boolean') return fc.boolean();
  if (type === 'string') {
    if (typeof schema['pattern'] === 'string')
      return fc.stringMatching(new RegExp(schema['pattern'])).map((text) => text.slice(0, 128));
    return fc.string({ minLength: Number(schema['minLength'] ?? 0), maxLength: 30 });
  }
  return fc.jsonValue({ maxDepth: 2 });
}

/** The fit value, one with a member too many or of another type, or no JSON at all. */
function bodyOf(schema: Record<string, unknown>): fc.Arbitrary<string> {
  const fit = fromSchema(schema);
  return fc.oneof(
    { weight: 5, arbitrary: fit.map((value) => JSON.stringify(value)) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fit, fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 3 }))
        .map(([value, name, member]) => JSON.stringify({ ...(value as object), [name]: member })),
    },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: junk },
    { weight: 1, arbitrary: fc.constant(`${'['.repeat(200)}${']'.repeat(200)}`) },
  );
}

const call = fc.record({
  tool: fc.constantFrom('js_run', 'csv_profile', 'nope'),
  args: fc.oneof(
    fc.record({ code: fc.constantFrom('return 1', 'return {', 'throw 1', 'console.log("a"); return []') }),
    fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 1 })),
  ),
});
const rpc = fc.record({
  jsonrpc: fc.constantFrom('2.0', '1.0'),
  id: fc.oneof(fc.integer(), fc.string({ maxLength: 5 }), fc.constant(null)),
  method: fc.constantFrom(
    'initialize',
    'ping',
    'tools/list',
    'tools/call',
    'tasks/get',
    'server/discover',
    'resources/read',
    'x',
  ),
  params: fc.oneof(
    fc.record({ name: fc.constantFrom('js_run', 'nope'), arguments: fc.constant({ code: 'return 1' }) }),
    fc.jsonValue({ maxDepth: 3 }),
  ),
});

function requestOf(document: OpenApiDocument, operation: Operation): fc.Arbitrary<FuzzRequest> {
  const { method, parameters, path, requestBody } = operation;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  const inHeader = parameters.filter((parameter) => parameter.in === 'header');
  const query = fc.dictionary(
    fc.constantFrom(...inQuery.map(({ name }) => name), 'nothing'),
    fc.oneof(junk, ...inQuery.map(({ schema }) => fromSchema(schema as Record<string, unknown>).map(String))),
    { maxKeys: 3 },
  );
  const schema: { $ref?: string } | undefined = requestBody?.content['application/json']?.schema;
  const named =
    schema?.$ref === undefined ? null : document.components.schemas[schema.$ref.split('/').at(-1) ?? ''];
  const body = {
    '/v1/calls': fc.oneof(
      call.map((value) => JSON.stringify(value)),
      bodyOf((named ?? {}) as Record<string, unknown>),
    ),
    '/mcp': fc.oneof(
      rpc.map((value) => JSON.stringify(value)),
      junk,
    ),
  }[path];
  return fc.record({
    method: fc.constant(method),
    path: fc
      .tuple(fc.tuple(...names.map(() => id)), query)
      .map(
        ([values, members]) =>
          names.reduce(
            (at, name, index) =>
              at.replace(`{${name}}`, encodeURIComponent(values[index]?.toWellFormed() ?? 'x')),
            path,
          ) + (Object.keys(members).length === 0 ? '' : `?${new URLSearchParams(members).toString()}`),
      ),
    key: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom('none', 'wrong') },
      { weight: 12, arbitrary: fc.constantFrom('call', 'audit', 'admin', 'admin') },
    ),
    headers: fc
      .tuple(
        fc.constantFrom(...Array.from({ length: 8 }, () => 'application/json'), 'text/plain', ''),
        fc.constantFrom('*/*', 'application/json, text/event-stream', 'text/event-stream', 'text/html'),
        fc.dictionary(
          fc.constantFrom(...inHeader.map(({ name }) => name), 'Range'),
          fc.string({ unit: fc.constantFrom(...'abc=,;-0123"'), maxLength: 12 }),
          { maxKeys: 1 },
        ),
      )
      .map(([type, accept, more]) => ({
        ...(type === '' ? {} : { 'Content-Type': type }),
        Accept: accept,
        ...more,
      })),
    body:
      requestBody === null
        ? fc.constant(null)
        : (body ?? (named === null ? junk : bodyOf(named as Record<string, unknown>))),
  });
}

/** The status and the whole answer; rejects when it does not come in time. */
function send(
  server: TestServer,
  agent: Agent,
  { body, headers, method, path }: FuzzRequest,
  key: string | null,
  requestId: string,
): Promise<ObservedAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const sent = request(
      {
        agent,
        hostname,
        port,
        method,
        path,
        timeout: answerMsMax,
        headers: {
          'X-Request-Id': requestId,
          ...headers,
          ...(key === null ? {} : { Authorization: `Bearer ${key}` }),
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        const end = (): void => {
          const mediaType = answer.headers['content-type']?.split(';')[0] ?? null;
          const text = Buffer.concat(chunks).toString();
          resolve({ method, path, status: answer.statusCode ?? 0, mediaType, text });
        };
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', end);
        answer.on('error', reject);
        // A stream that follows the record has no end of its own: that it began is its answer.
        if (/[?&]follow=/.test(path)) answer.once('data', () => (end(), answer.destroy()));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer in time: ${method} ${path}`)));
    sent.on('error', reject);
    sent.end(body ?? undefined);
  });
}

async function residentMiB(server: TestServer): Promise<number> {
  const text = String((await server.request('GET', '/metrics')).body);
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]) / 1024 ** 2;
}

test(`${requestsTotal} requests out of the OpenAPI document`, async () => {
  await using server = await startServer({
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  const document = (await server.request('GET', '/openapi.json')).body as OpenApiDocument;
  const contract = new Contract(document);
  const keys: Record<FuzzRequest['key'], string | null> = {
    none: null,
    wrong: `spk_wrong_${'a'.repeat(43)}`,
    call: await server.keyFor('caller', ['developer'], ['call']),
    audit: await server.keyFor('auditor', ['auditor'], ['audit', 'approve'], 'elsewhere'),
    admin: server.key,
  };
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const arbitrary = fc.oneof(...contract.operations.map((operation) => requestOf(document, operation)));
  const requests = fc.sample(arbitrary, {
    numRuns: requestsTotal,
    seed: Number(process.env['FUZZ_SEED'] ?? 20261128),
  });
  const violations: string[] = [];
  const statuses = new Map<number, number>();
  /** Request ids of what changed something, and how it was asked for. */
  const mutations = new Map<string, string>();
  let next = 0;
  const work = async (until: number): Promise<void> => {
    while (next < until) {
      const index = next++;
      const asked = requests[index];
      if (asked === undefined) return;
      const requestId = `fuzz-${index}`;
      const answer = await send(server, agent, asked, keys[asked.key], requestId);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const violation =
        answer.status >= 500 && answer.status !== 503
          ? `answered ${answer.status}`
          : contract.violation(answer);
      if (violation !== null)
        violations.push(
          `${index} ${asked.method} ${asked.path.slice(0, 120)} (${asked.key}): ${violation}: ${answer.text.slice(0, 200)}`,
        );
      const operation = contract.find(asked.method, asked.path);
      // Files that are as they were change nothing, however often they are taken up.
      const isUnchanged =
        operation?.path === '/v1/policy/reload' && /"outcome":"unchanged"/.test(answer.text);
      const isMutation =
        !isUnchanged && asked.method !== 'GET' && answer.status < 300 && operation?.path !== '/mcp';
      if (isMutation && (operation?.audits.length ?? 0) > 0)
        mutations.set(requestId, `${asked.method} ${operation?.path}`);
    }
  };
  const half = Math.floor(requestsTotal / 2);
  await Promise.all(Array.from({ length: atOnce }, () => work(half)));
  const halfwayMiB = await residentMiB(server);
  await Promise.all(Array.from({ length: atOnce }, () => work(requestsTotal)));
  const endMiB = await residentMiB(server);
  agent.destroy();
  expect(violations).toEqual([]);
  expect(endMiB - halfwayMiB).toBeLessThan(growthMiBMax);

  const exported = String((await server.request('GET', '/v1/audit/export?format=ndjson')).body);
  const recorded = new Set([...exported.matchAll(/"requestId":"(fuzz-\d+)"/g)].map(([, name]) => name));
  expect([...mutations].filter(([name]) => !recorded.has(name))).toEqual([]);
  // It got somewhere, and was not refused at the door alone.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(requestsTotal / 20);
  expect(mutations.size).toBeGreaterThan(requestsTotal / 400);
  if (process.env['FUZZ_REQUESTS'] !== undefined)
    console.log(Object.fromEntries(statuses), { mutations: mutations.size, halfwayMiB, endMiB });
}, 1_200_000);
