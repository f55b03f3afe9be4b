import { describe, expect, test } from 'vitest';
import { ApprovalSettled } from '../../src/audit/record.ts';
import { request, SetClock, settle, sources, storedApproval } from './record-fixtures.ts';
import type { StoreUnderTest } from './record-store.ts';

const hour = 3_600_000;

/** What every store of the record promises about calls that wait for a person. */
export function recordApprovalsContract(name: string, store: StoreUnderTest): void {
  describe(`${name}: approvals`, () => {
    test('keeps what waits and its sealed bytes, over a restart too', async () => {
      const first = await store.open('waiting', sources());
      await first.write(request(1));
      await first[Symbol.asyncDispose]();
      await using record = await store.open('waiting', sources(undefined, 100));
      expect(await record.getApproval('apr_1')).toEqual(storedApproval(1));
      expect([...(await record.getPendingPayload('call_1'))!]).toEqual([1, 0, 255]);
      expect(await record.countPendingApprovals(null)).toBe(1);
      expect(await record.getApproval('apr_2')).toBeNull();
      expect(await record.openCalls()).toEqual([]);
    });

    test('lets one of many settle it, also in one moment, and deletes the sealed bytes with it', async () => {
      await using record = await store.open('settling', sources());
      await Promise.all([record.write(request(1)), record.write(request(2))]);
      const ends = [
        settle(1, 'approved', 'intent'),
        settle(1, 'rejected', 'approval_decided'),
        settle(1, 'voided', 'approval_voided'),
      ];
      const settled = await Promise.allSettled(
        [...ends, settle(2, 'cancelled', 'call_cancelled')].map((end) => record.write(end)),
      );
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
      expect(settled[1]).toMatchObject({ reason: expect.any(ApprovalSettled) });
      expect(await record.getApproval('apr_1')).toMatchObject({ status: 'approved', settled: { by: 'bob' } });
      expect((await record.getCall('call_1'))?.call.status).toBe('running');
      expect([await record.getPendingPayload('call_1'), await record.getPendingPayload('call_2')]).toEqual([
        null,
        null,
      ]);
      // Of the writes that lost nothing is left.
      expect(await record.verify()).toMatchObject({ valid: true, events: 4 });
    });

    test('takes no decision after its time, and lets it expire', async () => {
      const clock = new SetClock();
      await using record = await store.open('late', sources(clock));
      await record.write(request(1));
      clock.advance(hour - 1);
      expect(await record.overdueApprovals(clock.now(), 10)).toEqual([]);
      clock.advance(1);
      await expect(record.write(settle(1, 'approved', 'intent'))).rejects.toThrow(ApprovalSettled);
      await expect(record.write(settle(1, 'rejected', 'approval_decided'))).rejects.toThrow(ApprovalSettled);
      expect(await record.overdueApprovals(clock.now(), 10)).toEqual([storedApproval(1)]);
      await record.write(settle(1, 'expired', 'approval_expired'));
      expect(await record.overdueApprovals(clock.now(), 10)).toEqual([]);
    });

    test('lists by status, newest first, page by page, and counts by principal', async () => {
      await using record = await store.open('listing', sources());
      for (const number of [1, 2, 3, 4])
        await record.write(request(number, number === 4 ? { principal: 'bob' } : {}));
      await record.write(settle(2, 'rejected', 'approval_decided'));
      const ids = async (query: Parameters<typeof record.listApprovals>[0]) =>
        (await record.listApprovals(query)).map(({ id }) => id);
      expect(await ids({ limit: 10 })).toEqual(['apr_4', 'apr_3', 'apr_2', 'apr_1']);
      expect(await ids({ status: 'pending', limit: 2 })).toEqual(['apr_4', 'apr_3']);
      expect(await ids({ status: 'pending', limit: 2, before: 'apr_3' })).toEqual(['apr_1']);
      expect(await ids({ status: 'rejected', limit: 10 })).toEqual(['apr_2']);
      expect([
        await record.countPendingApprovals({ principal: 'alice' }),
        await record.countPendingApprovals(null),
      ]).toEqual([2, 3]);
    });

    test('refuses a second approval of one call, and one of a call that is not there', async () => {
      await using record = await store.open('twice', sources());
      await record.write(request(1));
      await expect(record.write(request(1, { id: 'apr_9' }))).rejects.toThrow('contradicts what is stored');
      const { calls: _calls, ...orphan } = request(2);
      await expect(record.write(orphan)).rejects.toThrow('contradicts what is stored');
      expect(await record.countPendingApprovals(null)).toBe(1);
    });
  });
}
