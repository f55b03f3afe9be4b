import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { announcePending, ApprovalWebhook } from '../../../src/calls/approvals/webhook/approval-webhook.ts';
import type { ApprovalWebhookOptions } from '../../../src/calls/approvals/webhook/approval-webhook.ts';
import type { Caller } from '../../../src/model/principal.ts';
import { WaitingCalls } from '../../support/waiting-calls.ts';

const secret = randomBytes(32);

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A real receiver. `answer` gets the response and how many came before. */
class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly #server: Server;
  #onReceived = (): void => {};

  constructor(answer: (response: ServerResponse, before: number) => void) {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const before = this.received.length;
        this.received.push({ headers: request.headers, body });
        answer(response, before);
        this.#onReceived();
      });
    });
  }

  async listen(): Promise<URL> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    const { port } = this.#server.address() as AddressInfo;
    return new URL(`http://127.0.0.1:${port}/hooks/secret-path`);
  }

  async count(wanted: number): Promise<void> {
    if (this.received.length >= wanted) return;
    await new Promise<void>((done) => {
      this.#onReceived = () => {
        if (this.received.length >= wanted) done();
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

interface Scene {
  readonly calls: WaitingCalls;
  readonly ana: Caller;
  readonly receiver: Receiver;
  readonly webhook: ApprovalWebhook;
  readonly log: string[];
  /** Resolves with the next `egress` event about a delivery that ended. */
  readonly ended: () => Promise<object>;
  readonly outcomes: () => Promise<Readonly<Record<string, number>>>;
}

async function openScene(
  answer: (response: ServerResponse, before: number) => void,
  options: Partial<ApprovalWebhookOptions> = {},
): Promise<Scene> {
  const calls = await WaitingCalls.open();
  const receiver = new Receiver(answer);
  const log: string[] = [];
  const ends: (() => void)[] = [];
  const webhook = new ApprovalWebhook({
    url: await receiver.listen(),
    secret,
    record: {
      getApproval: (id) => calls.record.getApproval(id),
      write: async (write) => {
        const receipt = await calls.record.write(write);
        for (const end of ends.splice(0)) end();
        return receipt;
      },
    },
    metrics: calls.context.metrics,
    clock: calls.clock,
    logger: { warn: (_fields, text) => log.push(text), error: (_fields, text) => log.push(text) },
    retryDelaysMs: [1, 1, 1],
    ...options,
  });
  opened.push(calls, receiver, webhook);
  const ended = async (): Promise<object> => {
    await new Promise<void>((done) => ends.push(done));
    const page = await calls.record.listEvents({ tenant: null, type: 'egress', limit: 1, order: 'desc' });
    return page.items[0]!.details;
  };
  const outcomes = async () => {
    const metric = (await calls.context.metrics.registry.getMetricsAsJSON()).find(
      ({ name }) => name === 'sallyport_webhook_deliveries_total',
    );
    const values = (metric?.values ?? []) as { labels: { outcome: string }; value: number }[];
    return Object.fromEntries(values.map(({ labels, value }) => [labels.outcome, value]));
  };
  return {
    calls,
    ana: await calls.person('ana', { roles: ['payer'] }),
    receiver,
    webhook,
    log,
    ended,
    outcomes,
  };
}

const accept = (response: ServerResponse): void => void response.writeHead(204).end();

test('tells who wants to run what and why, signed, without the arguments, and leaves an event', async () => {
  const { calls, ana, receiver, webhook, ended, outcomes } = await openScene(accept);
  const approval = await calls.ask(ana, { code: 'private matter', cents: 5000 });
  const end = ended();
  webhook.announce(approval);
  expect(await end).toMatchObject({
    purpose: 'webhook',
    approvalId: approval.id,
    host: '127.0.0.1',
    address: '127.0.0.1',
    attempts: 1,
    status: 204,
    outcome: 'delivered',
  });
  const [{ headers, body }] = receiver.received as [Received];
  expect(JSON.parse(body)).toMatchObject({
    type: 'approval.requested',
    data: {
      id: approval.id,
      callId: approval.callId,
      tool: 'refund',
      principal: 'ana',
      reasons: ['A lead has to agree.'],
    },
  });
  expect(body).not.toContain('private matter');
  expect(headers['webhook-id']).toBe(approval.id);
  expect(headers['webhook-timestamp']).toBe(String(Math.floor(calls.clock.now() / 1000)));
  const signed = `${approval.id}.${String(headers['webhook-timestamp'])}.${body}`;
  const expected = createHmac('sha256', secret).update(signed).digest('base64');
  expect(headers['webhook-signature']).toBe(`v1,${expected}`);
  expect(await outcomes()).toEqual({ delivered: 1 });
  const events = await calls.record.listEvents({ tenant: null, type: 'egress', limit: 9, order: 'asc' });
  expect(JSON.stringify(events.items)).not.toContain('secret-path');
});

test('tries again after failures of every kind, under the same id', async () => {
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => void response.writeHead(500).end(),
    (response) => void response.destroy(),
    (response) => void response.writeHead(302, { Location: '/elsewhere' }).end(),
    accept,
  ];
  const { calls, ana, receiver, webhook, ended, log, outcomes } = await openScene((response, before) =>
    answers[before]?.(response),
  );
  const approval = await calls.ask(ana);
  const end = ended();
  webhook.announce(approval);
  expect(await end).toMatchObject({ attempts: 4, outcome: 'delivered' });
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(Array(4).fill(approval.id));
  expect(log).toEqual(Array(3).fill('webhook not delivered'));
  expect(await outcomes()).toEqual({ delivered: 1, failed: 3 });
});

test('gives up after a bounded number of attempts, and says so', async () => {
  const { calls, ana, webhook, ended, log, outcomes } = await openScene(
    (response) => void response.writeHead(503).end(),
  );
  const end = ended();
  webhook.announce(await calls.ask(ana));
  expect(await end).toMatchObject({ attempts: 4, status: 503, outcome: 'given_up', problem: 'answered 503' });
  expect(log.at(-1)).toContain('given up');
  expect(await outcomes()).toEqual({ failed: 4, given_up: 1 });
});

test('stops at once where the receiver is gone for good', async () => {
  const { calls, ana, webhook, ended } = await openScene((response) => void response.writeHead(410).end());
  const end = ended();
  webhook.announce(await calls.ask(ana));
  expect(await end).toMatchObject({ attempts: 1, outcome: 'given_up' });
});

test('stops when somebody decided in the meantime', async () => {
  const { calls, ana, receiver, webhook, outcomes } = await openScene(
    (response, before) => {
      if (before === 0) response.writeHead(500).end();
      else accept(response);
    },
    { retryDelaysMs: [50] },
  );
  const mia = await calls.person('mia', { roles: ['lead'] });
  const [decided, open] = [await calls.ask(ana), await calls.ask(ana)];
  webhook.announce(decided);
  await receiver.count(1);
  await calls.desk.decide(mia, decided.id, { decision: 'reject', reason: 'no' });
  webhook.announce(open);
  await receiver.count(2);
  expect(receiver.received[1]?.headers['webhook-id']).toBe(open.id);
  await webhook[Symbol.asyncDispose]();
  expect(receiver.received).toHaveLength(2);
  expect(await outcomes()).toMatchObject({ failed: 1 });
});

test('a receiver that never answers holds up neither calls nor the stop', async () => {
  const { calls, ana, receiver, webhook } = await openScene(() => {});
  for (let count = 0; count < 6; count += 1) webhook.announce(await calls.ask(ana));
  await receiver.count(4);
  await webhook[Symbol.asyncDispose]();
  expect(receiver.received).toHaveLength(4);
});

test('an answer that switches protocols is a failure, and holds up neither the next nor the stop', async () => {
  const { calls, ana, webhook, ended } = await openScene((response) => {
    response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  });
  const end = ended();
  webhook.announce(await calls.ask(ana));
  expect(await end).toMatchObject({ attempts: 4, outcome: 'given_up', problem: 'closed without an answer' });
});

test('so many wait and no more; the rest is dropped loudly', async () => {
  const { calls, ana, receiver, webhook, log, outcomes } = await openScene(() => {}, { deliveriesMax: 2 });
  for (let count = 0; count < 3; count += 1) webhook.announce(await calls.ask(ana));
  await receiver.count(2);
  expect(log).toEqual(['too many webhooks wait; approvers are not told of this one']);
  expect(await outcomes()).toEqual({ dropped: 1 });
});

test('at a start everybody is told of what waits still, oldest first', async () => {
  const { calls, ana, receiver, webhook } = await openScene(accept);
  const mia = await calls.person('mia', { roles: ['lead'] });
  const [first, decided, last] = [await calls.ask(ana), await calls.ask(ana), await calls.ask(ana)];
  await calls.desk.decide(mia, decided.id, { decision: 'reject', reason: 'no' });
  await announcePending(calls.record, webhook);
  await receiver.count(2);
  expect(receiver.received.map(({ headers }) => String(headers['webhook-id'])).toSorted()).toEqual([
    first.id,
    last.id,
  ]);
});
