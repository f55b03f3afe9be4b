import { expect, test, vi } from 'vitest';
import type { RecordStore } from '../../src/audit/record.ts';
import { BlockList } from '../../src/calls/block-list.ts';
import type { CallContext } from '../../src/calls/call-context.ts';
import { executeCall } from '../../src/calls/execute-call.ts';
import { OutcomeWriter } from '../../src/calls/outcome-writer.ts';
import { Slots } from '../../src/calls/slots.ts';
import { caller, clock, eventsOf, logger, recordWith, request, withContext } from './support.ts';

test('when our own code fails after the run, the call ends as unknown, on the record, without its result', async () => {
  const refusing = (record: RecordStore): Partial<CallContext> => {
    const write: RecordStore['write'] = async (asked) => {
      if (asked.calls?.some(({ call }) => call.result !== null)) throw new TypeError('a mistake of ours');
      return record.write(asked);
    };
    return { outcomes: new OutcomeWriter({ record: recordWith(record, { write }), logger }) };
  };
  await withContext(refusing, async ({ context, record }) => {
    await using _outcomes = context.outcomes;
    const answer = await executeCall(context, caller, request);
    expect(answer).toMatchObject({ kind: 'call', call: { status: 'unknown', result: null } });
    expect(JSON.stringify(answer)).not.toContain('secret result');
    expect(await record.openCalls()).toEqual([]);
    expect(await eventsOf(record, 'outcome')).toMatchObject([{ status: 'unknown' }]);
  });
});

test('a call that was allowed and waits for its turn is denied when a block comes meanwhile', async () => {
  const lists: BlockList[] = [];
  const withBlocks = async (record: RecordStore) => {
    const blocks = await BlockList.open({ record, clock, newId: () => 'blk_1', redactText: (text) => text });
    lists.push(blocks);
    return { blocks };
  };
  await withContext(withBlocks, async ({ context, record }) => {
    const first = await context.slots.take('default');
    const waiting = executeCall(context, caller, request);
    await lists[0]?.add(caller, { tool: 'example', reason: 'why', expiresInMs: 60_000 });
    first?.[Symbol.dispose]();
    expect(await waiting).toMatchObject({ kind: 'refused', refusal: { rule: 'block:blk_1' } });
    expect(await eventsOf(record, 'intent')).toEqual([]);
    expect(await eventsOf(record, 'denied')).toMatchObject([{ decision: { rule: 'block:blk_1' } }]);
  });
});

test('large arguments wait for others to be durable before their own are, a call with small ones does not', async () => {
  const written: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  const behindGate = (record: RecordStore): Partial<CallContext> => {
    const write: RecordStore['write'] = async (asked) => {
      const [event] = asked.events;
      if (event?.type !== 'intent') return record.write(asked);
      const { code = '' } = (event.content as { args: { code?: string } }).args;
      written.push(code.length > 5 ? 'large' : code);
      if (code.length > 5) await gate.promise;
      return record.write(asked);
    };
    return { record: recordWith(record, { write }), slots: new Slots({ runningMax: 3, waitingMax: 0 }) };
  };
  await withContext(behindGate, async ({ context }) => {
    const call = (code: string) => executeCall(context, caller, { ...request, args: { code } });
    const large = [1, 2].map(() => call('x'.repeat(70_000)));
    await vi.waitFor(() => expect(context.largeIntents.waitingCount).toBe(1), { interval: 1 });
    await call('small');
    expect(written).toEqual(['large', 'small']);
    gate.resolve();
    await Promise.all(large);
    expect(written).toEqual(['large', 'small', 'large']);
  });
});

test('a call whose large arguments wait for others is denied when a block comes meanwhile', async () => {
  const lists: BlockList[] = [];
  const withBlocks = async (record: RecordStore) => {
    const blocks = await BlockList.open({ record, clock, newId: () => 'blk_1', redactText: (text) => text });
    lists.push(blocks);
    return { blocks };
  };
  await withContext(withBlocks, async ({ context, record }) => {
    const others = await context.largeIntents.take('default');
    const waiting = executeCall(context, caller, { ...request, args: { code: 'x'.repeat(70_000) } });
    await vi.waitFor(() => expect(context.largeIntents.waitingCount).toBe(1), { interval: 1 });
    await lists[0]?.add(caller, { tool: 'example', reason: 'why', expiresInMs: 60_000 });
    others?.[Symbol.dispose]();
    expect(await waiting).toMatchObject({ kind: 'refused', refusal: { rule: 'block:blk_1' } });
    expect(await eventsOf(record, 'intent')).toEqual([]);
    expect(context.largeIntents.runningCount).toBe(0);
  });
});
