/** Tenants that stay below their limits: requests of every kind at fixed times, over connections they keep. */
import { Agent } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { ask } from './ask.ts';
import type { Answer } from './ask.ts';
import { Tally } from './plan.ts';
import type { Course, HonestPlan, Report, Tenant } from './plan.ts';

/** What a tenant asks for, over and over; one in so many is a container. */
const cycle = [
  'isolate',
  'read',
  'isolate',
  'decide',
  'isolate',
  'isolate',
  'read',
  'large',
  'isolate',
  'denied',
  'isolate',
  'read',
  'follow',
  'decide',
  'isolate',
  'isolate',
  'read',
  'isolate',
  'invalid',
  'isolate',
] as const;
const containerEvery = 40;
type Kind = (typeof cycle)[number] | 'container';

/** Above what the filter does in place: its threads have a part in it. */
const largeText = 'lorem ipsum dolor sit amet '.repeat(1000);

interface Client {
  readonly tenant: Tenant;
  readonly url: string;
  readonly idle: Agent[];
  readonly waiting: ((agent: Agent) => void)[];
  readonly tally: Tally;
  lastCall: string | null;
}

/** `onMeasured` is told when the lead is over. */
export async function beHonest(plan: HonestPlan, onMeasured: () => void): Promise<Report> {
  const tally = new Tally();
  const agents: Agent[] = [];
  const clients = plan.tenants.map((tenant): Client => {
    const idle = Array.from(
      { length: plan.connectionsEach },
      () => new Agent({ keepAlive: true, maxSockets: 1 }),
    );
    agents.push(...idle);
    return { tenant, url: plan.url, idle: [...idle], waiting: [], tally, lastCall: null };
  });
  const startedAt = performance.now();
  const asking = clients.map((client, at) => keepAsking(client, plan, startedAt, at / clients.length));
  await until(startedAt + plan.leadSeconds * 1000);
  onMeasured();
  await Promise.all(asking);
  for (const agent of agents) agent.destroy();
  return tally.report();
}

/** `phase`: of a period, so that tenants do not all ask in the same millisecond. */
async function keepAsking(
  client: Client,
  { leadSeconds, requestsPerSecondEach, seconds }: HonestPlan,
  startedAt: number,
  phase: number,
): Promise<void> {
  const periodMs = 1000 / requestsPerSecondEach;
  const asked: Promise<void>[] = [];
  const count = (leadSeconds + seconds) * requestsPerSecondEach;
  // Tenants begin at different places of the cycle.
  const first = Math.round(phase * containerEvery);
  for (let turn = 0; turn < count; turn += 1) {
    const dueAt = startedAt + (turn + phase) * periodMs;
    await until(dueAt);
    const kind = (first + turn) % containerEvery === 0 ? 'container' : cycle[(first + turn) % cycle.length];
    asked.push(askOnce(client, kind ?? 'isolate', turn, dueAt, dueAt - startedAt - leadSeconds * 1000));
  }
  await Promise.all(asked);
}

function until(at: number): Promise<void> {
  const ms = at - performance.now();
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}

async function askOnce(client: Client, kind: Kind, turn: number, dueAt: number, atMs: number): Promise<void> {
  const { tally, tenant } = client;
  const agent = client.idle.shift() ?? (await new Promise<Agent>((resolve) => client.waiting.push(resolve)));
  try {
    const { fault, course } = await askFor(client, agent, kind, `${tenant.name}-${turn}`);
    const ms = performance.now() - dueAt;
    if (atMs >= 0) tally.samples.push({ tenant: tenant.name, kind, atMs, ms, course });
    if (fault !== null) tally.failures.push(`${tenant.name} ${kind}: ${fault}`);
  } catch (error) {
    tally.count(tenant.name, 'lost');
    tally.failures.push(`${tenant.name} ${kind}: ${String(error)}`);
  } finally {
    const next = client.waiting.shift();
    if (next === undefined) client.idle.push(agent);
    else next(agent);
  }
}

interface Verdict {
  /** What was wrong with the answer; null: nothing. */
  readonly fault: string | null;
  readonly course?: Course;
}

async function askFor(client: Client, agent: Agent, kind: Kind, mark: string): Promise<Verdict> {
  const call = (tool: string, args: object, headers = {}): Promise<Answer> =>
    send(client, agent, 'POST', '/v1/calls', { tool, args }, headers);
  switch (kind) {
    case 'isolate':
      return ended(client, await call('js_run', { code: `return '${mark}'` }), mark);
    case 'large':
      return ended(client, await call('js_run', { code: 'return input', input: largeText }), largeText);
    case 'container':
      return ended(client, await call('shell_run', { script: `echo ${mark}` }), { exitCode: 0 }, `${mark}\n`);
    case 'follow':
      return await follow(
        client,
        agent,
        await call('js_run', { code: `return '${mark}'` }, { Prefer: 'respond-async' }),
      );
    case 'denied':
      return hasStatus(await call('forbidden', { amount: 99 }), 403);
    case 'invalid':
      return hasStatus(await call('js_run', { code: 7 }), 422);
    case 'decide':
      return hasStatus(
        await send(client, agent, 'POST', '/v1/decisions', { tool: 'js_run', args: { code: 'return 1' } }),
        200,
      );
    case 'read':
      return hasStatus(
        await send(
          client,
          agent,
          'GET',
          client.lastCall === null ? '/v1/tools' : `/v1/calls/${client.lastCall}`,
        ),
        200,
      );
  }
}

function ended(client: Client, answer: Answer, result: unknown, stdout = ''): Verdict {
  const verdict = hasStatus(answer, 200);
  if (verdict.fault !== null) return verdict;
  const { id, status, output, runtime, usage } = answer.body;
  client.tally.acknowledged.push({ id, status });
  client.lastCall = id;
  const isAsAsked =
    status === 'succeeded' && isDeepStrictEqual(answer.body.result, result) && output.stdout === stdout;
  if (!isAsAsked) return { fault: answer.text.slice(0, 500) };
  return { fault: null, course: { queueMs: usage.queueMs, wallMs: usage.wallMs, isWarm: runtime.warm } };
}

async function follow(client: Client, agent: Agent, accepted: Answer): Promise<Verdict> {
  if (accepted.status !== 202 && accepted.status !== 200) return hasStatus(accepted, 202);
  const events = await send(client, agent, 'GET', `/v1/calls/${accepted.body.id}/events`);
  const finished = /event: finished\ndata: (.*)\n/.exec(events.text)?.[1];
  if (finished === undefined) return { fault: `${events.status}, and no end: ${events.text.slice(0, 300)}` };
  const { id, status } = JSON.parse(finished) as { id: string; status: string };
  client.tally.acknowledged.push({ id, status });
  return { fault: status === 'succeeded' ? null : finished.slice(0, 500) };
}

function hasStatus(answer: Answer, status: number): Verdict {
  return { fault: answer.status === status ? null : `${answer.status} ${answer.text.slice(0, 300)}` };
}

async function send(
  { tally, tenant, url }: Client,
  agent: Agent,
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const answer = await ask(agent, { url, key: tenant.key, method, path, body, headers });
  tally.count(tenant.name, answer.status);
  return answer;
}
