/** Calls that wait for their turn while their callers do not: `queued` until there is a place. */
import { describe, expect, test, vi } from 'vitest';
import type { RecordStore } from '../../src/audit/record.ts';
import { RecordUnavailable } from '../../src/audit/record.ts';
import { BlockList } from '../../src/calls/block-list.ts';
import { cancelCall } from '../../src/calls/cancel-call.ts';
import type { CallAnswer, CallContext } from '../../src/calls/call-context.ts';
import { closeOpenCalls } from '../../src/calls/close-open-calls.ts';
import { executeCall } from '../../src/calls/execute-call.ts';
import type { Slot } from '../../src/calls/slots.ts';
import { TenantRoom } from '../../src/calls/uploads/tenant-room.ts';
import type { Call } from '../../src/model/call.ts';
import { compileText, policyText } from '../support/policy-directory.ts';
import { caller, clock, eventsOf, recordWith, request, withContext } from './support.ts';

const keyed = { ...request, idempotencyKey: 'once' };

interface Waiting {
  /** The call as it was told. */
  readonly queued: Call;
  /** What holds the only place. */
  readonly place: Slot;
  readonly told: Call[];
  readonly answer: Promise<CallAnswer>;
}

/** The only place is taken, and a call waits for it. */
async function queueOne(
  context: CallContext,
  wanted: typeof keyed | typeof request = keyed,
): Promise<Waiting> {
  const place = await context.followedSlots.take('default');
  if (place === null) throw new Error('there is no place');
  const told: Call[] = [];
  const first = Promise.withResolvers<Call>();
  const tell = (call: Call): void => {
    told.push(call);
    first.resolve(call);
  };
  const answer = executeCall(context, caller, wanted, { queued: tell, begun: tell });
  const queued = await Promise.race([
    first.promise,
    answer.then((given) => Promise.reject(new Error(`not queued: ${JSON.stringify(given)}`))),
  ]);
  return { queued, place, told, answer };
}

async function storedCall(record: RecordStore, id: string): Promise<Call | undefined> {
  return (await record.getCall(id))?.call;
}

async function typesOf(record: RecordStore): Promise<readonly string[]> {
  const { items } = await record.listEvents({ tenant: null, limit: 20, order: 'asc' });
  return items.map(({ type }) => type);
}

const unchanged = (): Partial<CallContext> => ({});

test('it is durable before its caller is told, runs once there is a place, and is one call throughout', async () => {
  await withContext(unchanged, async ({ context, record }) => {
    const { answer, place, queued, told } = await queueOne(context);
    expect(queued).toMatchObject({ status: 'queued', startedAt: null, finishedAt: null });
    expect(await storedCall(record, queued.id)).toEqual(queued);
    const [event] = await eventsOf(record, 'queued');
    expect(event).toMatchObject({ callId: queued.id, status: 'queued', content: { args: { code: 'x' } } });
    expect(await executeCall(context, caller, keyed)).toMatchObject({
      kind: 'refused',
      refusal: { code: 'idempotency_in_flight' },
      callId: queued.id,
    });
    place[Symbol.dispose]();
    expect(await answer).toMatchObject({ kind: 'call', call: { id: queued.id, status: 'succeeded' } });
    expect(told.map(({ status }) => status)).toEqual(['queued', 'running']);
    const ended = await storedCall(record, queued.id);
    expect(ended).toMatchObject({ status: 'succeeded', createdAt: queued.createdAt });
    expect(await typesOf(record)).toEqual(['queued', 'intent', 'outcome']);
    expect(await executeCall(context, caller, keyed)).toEqual({ kind: 'call', call: ended, isReplay: true });
  });
});

test('where nobody asks for that, a call that waits leaves nothing behind', async () => {
  await withContext(unchanged, async ({ context, record }) => {
    const place = await context.slots.take('default');
    const answer = executeCall(context, caller, request, { begun: () => {} });
    await vi.waitFor(() => expect(context.slots.waitingCount).toBe(1), { interval: 1 });
    expect(await typesOf(record)).toEqual([]);
    place?.[Symbol.dispose]();
    expect(await answer).toMatchObject({ call: { status: 'succeeded' } });
    expect(await typesOf(record)).toEqual(['intent', 'outcome']);
  });
});

describe('a call that does not get its turn is cancelled, says why, and frees its key', () => {
  test('taken back by its caller', async () => {
    await withContext(unchanged, async ({ context, record }) => {
      const { answer, place, queued } = await queueOne(context);
      const stored = await record.getCall(queued.id);
      if (stored === null) throw new Error('the call is not there');
      expect(await cancelCall(context, caller, stored)).toMatchObject({ kind: 'ending' });
      expect(await answer).toMatchObject({ kind: 'call', call: { id: queued.id, status: 'cancelled' } });
      expect(context.followedSlots.waitingCount).toBe(0);
      expect(await storedCall(record, queued.id)).toMatchObject({
        status: 'cancelled',
        startedAt: null,
        error: { name: 'NotStarted', message: expect.stringContaining('waited for its turn') as string },
      });
      expect(await typesOf(record)).toEqual(['queued', 'call_cancelled', 'not_started']);
      expect(await eventsOf(record, 'call_cancelled')).toMatchObject([{ details: { was: 'queued' } }]);
      expect(await eventsOf(record, 'not_started')).toMatchObject([{ details: { code: 'cancelled' } }]);
      place[Symbol.dispose]();
      expect(await executeCall(context, caller, keyed)).toMatchObject({ call: { status: 'succeeded' } });
    });
  });

  test('the server stops', async () => {
    await withContext(unchanged, async ({ context, record }) => {
      const { answer, place, queued } = await queueOne(context);
      context.followedSlots.refuseWaiting();
      expect(await answer).toMatchObject({
        kind: 'refused',
        refusal: { code: 'overloaded' },
        callId: queued.id,
      });
      expect(await storedCall(record, queued.id)).toMatchObject({ status: 'cancelled' });
      expect(await typesOf(record)).toEqual(['queued', 'not_started']);
      expect(await eventsOf(record, 'not_started')).toMatchObject([{ details: { code: 'overloaded' } }]);
      place[Symbol.dispose]();
    });
  });

  test('an operator blocks its tool', async () => {
    const lists: BlockList[] = [];
    const withBlocks = async (record: RecordStore) => {
      const blocks = await BlockList.open({
        record,
        clock,
        newId: () => 'blk_1',
        redactText: (text) => text,
      });
      lists.push(blocks);
      return { blocks };
    };
    await withContext(withBlocks, async ({ context, record }) => {
      const { answer, place, queued } = await queueOne(context);
      await lists[0]?.add(caller, { tool: 'example', reason: 'why', expiresInMs: 60_000 });
      place[Symbol.dispose]();
      await answer;
      expect(await eventsOf(record, 'intent')).toEqual([]);
      expect(await eventsOf(record, 'not_started')).toMatchObject([
        { callId: queued.id, details: { code: 'policy_denied', rule: 'block:blk_1' } },
      ]);
    });
  });

  test('its key is revoked', async () => {
    await withContext(unchanged, async ({ context, record }) => {
      const { answer, place, queued } = await queueOne(context);
      await record.write({ events: [], revokedKeys: [{ id: caller.keyId, atMs: clock.now() }] });
      place[Symbol.dispose]();
      await answer;
      expect(await eventsOf(record, 'intent')).toEqual([]);
      expect(await storedCall(record, queued.id)).toMatchObject({
        status: 'cancelled',
        error: { message: expect.stringContaining('revoked') as string },
      });
    });
  });

  test('policy denies it by now, or allows it by another rule; the same rule of a new revision runs it', async () => {
    let rule = '{name: all, effect: allow, tools: [example]}';
    let revision = await compileText(policyText(`    - ${rule}\n`));
    const changing = (): Partial<CallContext> => ({ revision: () => revision });
    for (const [next, status] of [
      ['{name: none, effect: deny, tools: [example]}', 'cancelled'],
      ['{name: other, effect: allow, tools: [example]}', 'cancelled'],
      ['{name: all, effect: allow, tools: ["example*"]}', 'succeeded'],
    ] as const) {
      rule = '{name: all, effect: allow, tools: [example]}';
      revision = await compileText(policyText(`    - ${rule}\n`));
      await withContext(changing, async ({ context, record }) => {
        const { answer, place, queued } = await queueOne(context);
        revision = await compileText(policyText(`    - ${next}\n`));
        place[Symbol.dispose]();
        await answer;
        expect(await storedCall(record, queued.id)).toMatchObject({ status });
        const [intent] = await eventsOf(record, 'intent');
        expect(intent?.decision?.revision).toBe(status === 'succeeded' ? revision.id : undefined);
      });
    }
  });

  test('what it needs cannot be read when its turn comes', async () => {
    let isLost = false;
    const losing = (record: RecordStore): Partial<CallContext> => {
      const taintsOf: RecordStore['taintsOf'] = async (holders) => {
        if (isLost) throw new RecordUnavailable('the database is gone');
        return record.taintsOf(holders);
      };
      return { record: recordWith(record, { taintsOf }) };
    };
    await withContext(losing, async ({ context, record }) => {
      const { answer, place, queued } = await queueOne(context);
      isLost = true;
      place[Symbol.dispose]();
      await expect(answer).rejects.toThrow('the database is gone');
      expect(await storedCall(record, queued.id)).toMatchObject({ status: 'cancelled' });
      expect(await typesOf(record)).toEqual(['queued', 'not_started']);
    });
  });

  test('a quota is used up by then, of which it held nothing while it waited', async () => {
    const quota =
      '  quotas: [{name: one, tools: [example], key: principal.id, unit: calls, limit: 1, window: 1h}]\n';
    const text = policyText('    - {name: all, effect: allow, tools: [example]}\n') + quota;
    const revision = await compileText(text);
    await withContext(
      () => ({ revision: () => revision }),
      async ({ context, record }) => {
        const { answer, place, queued } = await queueOne(context);
        expect(context.quotas).toMatchObject({ openLeases: 0 });
        expect(await executeCall(context, caller, request)).toMatchObject({ call: { status: 'succeeded' } });
        place[Symbol.dispose]();
        await answer;
        expect(await storedCall(record, queued.id)).toMatchObject({ status: 'cancelled' });
        expect(await eventsOf(record, 'not_started')).toMatchObject([
          { callId: queued.id, details: { code: 'quota_exceeded', quota: expect.any(String) as string } },
        ]);
      },
    );
  });

  test('the record takes no intent any more', async () => {
    let isFull = false;
    await withContext(
      () => ({ hasDiskReserve: () => !isFull }),
      async ({ context, record }) => {
        const { answer, place, queued } = await queueOne(context);
        isFull = true;
        place[Symbol.dispose]();
        await answer;
        expect(await storedCall(record, queued.id)).toMatchObject({ status: 'cancelled' });
        expect(await eventsOf(record, 'not_started')).toMatchObject([
          { details: { code: 'audit_unavailable' } },
        ]);
      },
    );
  });

  test('the server dies: the next start closes it, and a call that ran as unknown', async () => {
    await withContext(unchanged, async ({ context, record }) => {
      const { answer, place, queued } = await queueOne(context);
      expect(await closeOpenCalls(record, clock)).toBe(1);
      expect(await storedCall(record, queued.id)).toMatchObject({
        status: 'cancelled',
        error: { name: 'NotStarted' },
      });
      expect(await eventsOf(record, 'not_started')).toMatchObject([
        { callId: queued.id, status: 'cancelled', details: { closedAtStart: true } },
      ]);
      expect(await closeOpenCalls(record, clock)).toBe(0);
      expect(await record.findIdempotency(caller.principal.id, 'idempotency key once')).toBeNull();
      context.followedSlots.refuseWaiting();
      await answer;
      place[Symbol.dispose]();
    });
  });
});

test('what cannot be made durable waits for nobody and holds no place', async () => {
  const refusing = (record: RecordStore): Partial<CallContext> => {
    const write: RecordStore['write'] = async (asked) => {
      if (asked.events[0]?.type === 'queued') throw new RecordUnavailable('the disk is gone');
      return record.write(asked);
    };
    return { record: recordWith(record, { write }) };
  };
  await withContext(refusing, async ({ context, record }) => {
    const place = await context.followedSlots.take('default');
    const answer = await executeCall(context, caller, request, { queued: () => {} });
    expect(answer).toMatchObject({ kind: 'refused', refusal: { code: 'audit_unavailable' } });
    expect(context.followedSlots.waitingCount).toBe(0);
    expect(await typesOf(record)).toEqual([]);
    place?.[Symbol.dispose]();
  });
});

test('arguments that wait have so much memory and no more; those that somebody waits for have their own', async () => {
  const tight = (): Partial<CallContext> => ({
    followedMemory: new TenantRoom({ all: 1000, byTenant: 190 }),
  });
  await withContext(tight, async ({ context }) => {
    const { answer, place } = await queueOne(context);
    const large = { ...request, args: { code: 'x'.repeat(150) } };
    expect(await executeCall(context, caller, large, { queued: () => {} })).toMatchObject({
      refusal: { code: 'overloaded' },
    });
    expect(context.followedSlots.waitingCount).toBe(1);
    expect(await executeCall(context, caller, large)).toMatchObject({ call: { status: 'succeeded' } });
    place[Symbol.dispose]();
    await answer;
    expect(await executeCall(context, caller, large, { queued: () => {} })).toMatchObject({
      call: { status: 'succeeded' },
    });
  });
});

test('what goes wrong once it is durable that it waits ends it, and gives its place back', async () => {
  await withContext(unchanged, async ({ context, record }) => {
    const place = await context.followedSlots.take('default');
    const told = (): never => {
      throw new TypeError('a mistake of ours');
    };
    await expect(executeCall(context, caller, keyed, { queued: told })).rejects.toThrow('a mistake of ours');
    expect(context.followedSlots.waitingCount).toBe(0);
    expect(await typesOf(record)).toEqual(['queued', 'not_started']);
    place?.[Symbol.dispose]();
  });
});

test('large arguments become durable in turn, also those of a call that waits', async () => {
  await withContext(unchanged, async ({ context, record }) => {
    const others = await context.largeIntents.take('default');
    const place = await context.followedSlots.take('default');
    const large = { ...request, args: { code: 'x'.repeat(70_000) } };
    const answer = executeCall(context, caller, large, { queued: () => {} });
    await vi.waitFor(() => expect(context.largeIntents.waitingCount).toBe(1), { interval: 1 });
    expect(await typesOf(record)).toEqual([]);
    others?.[Symbol.dispose]();
    await vi.waitFor(async () => expect(await typesOf(record)).toEqual(['queued']));
    place?.[Symbol.dispose]();
    expect(await answer).toMatchObject({ call: { status: 'succeeded' } });
  });
});

test('two requests with one key that wait: one is the call, the other learns of it', async () => {
  await withContext(unchanged, async ({ context, record }) => {
    const { answer, place, queued } = await queueOne(context);
    // It looked before the first one was durable.
    let looks = 0;
    const findIdempotency: RecordStore['findIdempotency'] = (...asked) =>
      (looks += 1) === 1 ? Promise.resolve(null) : record.findIdempotency(...asked);
    const raced = { ...context, record: recordWith(record, { findIdempotency }) };
    const other = await executeCall(raced, caller, keyed, { queued: () => {} });
    expect(other).toMatchObject({
      kind: 'refused',
      refusal: { code: 'idempotency_in_flight' },
      callId: queued.id,
    });
    expect(context.followedSlots.waitingCount).toBe(1);
    place[Symbol.dispose]();
    expect(await answer).toMatchObject({ call: { id: queued.id, status: 'succeeded' } });
  });
});
