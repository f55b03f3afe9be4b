import { describe, expect, test } from 'vitest';
import { InvalidCursor } from '../../src/audit/record.ts';
import { draft, sources } from './record-fixtures.ts';
import type { EventQuery, RecordStore } from '../../src/audit/record.ts';
import type { StoreUnderTest } from './record-store.ts';

const all: EventQuery = { tenant: null, limit: 1_000, order: 'asc' };

/** Sequences of all pages. */
async function pagesOf(record: RecordStore, query: EventQuery): Promise<readonly (readonly number[])[]> {
  const pages: number[][] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await record.listEvents({ ...query, ...(cursor !== '' && { cursor }) });
    pages.push(page.items.map(({ sequence }) => sequence));
    cursor = page.nextCursor;
  }
  return pages;
}

/** What every store does with pages of events. */
export function pageContract(name: string, store: StoreUnderTest): void {
  describe(`${name}: pages`, () => {
    test('pages stay where they are while events are written', async () => {
      await using record = await store.open('pages', sources());
      const write = (count: number) =>
        record.write({ events: Array.from({ length: count }, () => draft('started')) });
      await write(5);
      const newest = await record.listEvents({ ...all, order: 'desc', limit: 2 });
      await write(3);
      const next = await record.listEvents({ ...all, order: 'desc', limit: 2, cursor: newest.nextCursor! });
      const last = await record.listEvents({ ...all, order: 'desc', limit: 2, cursor: next.nextCursor! });
      const sequences = [newest, next, last].map((page) => page.items.map(({ sequence }) => sequence));
      expect(sequences).toEqual([[5, 4], [3, 2], [1]]);
      expect(last.nextCursor).toBeNull();
    });

    test('says that a cursor is broken, or of the other order', async () => {
      await using record = await store.open('cursors', sources());
      await record.write({ events: [draft('started'), draft('stopped')] });
      const cursor = (await record.listEvents({ ...all, limit: 1 })).nextCursor!;
      const broken = [
        '',
        'x',
        `${cursor}=`,
        `${cursor} `,
        `${cursor}A`,
        Buffer.from('e1.asc.-1').toString('base64url'),
      ];
      for (const wrong of broken)
        await expect(record.listEvents({ ...all, cursor: wrong })).rejects.toThrow(InvalidCursor);
      await expect(record.listEvents({ ...all, order: 'desc', cursor })).rejects.toThrow(InvalidCursor);
    });

    test('refuses a limit outside 1 to 1000', async () => {
      await using record = await store.open('limits', sources());
      for (const limit of [0, 1_001, 1.5])
        await expect(record.listEvents({ ...all, limit })).rejects.toThrow(RangeError);
    });

    test('a page ends with the event by which it holds 8 MiB, and its cursor goes on', async () => {
      await using record = await store.open('bytes', sources());
      const large = { output: 'x'.repeat(3 * 1024 * 1024) };
      for (let count = 0; count < 5; count += 1)
        await record.write({ events: [draft('started', { content: large })] });
      await record.write({ events: [draft('stopped')] });
      expect(await pagesOf(record, all)).toEqual([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      expect(await pagesOf(record, { ...all, order: 'desc', limit: 3 })).toEqual([
        [6, 5, 4],
        [3, 2, 1],
      ]);
      expect(await pagesOf(record, { ...all, limit: 2 })).toEqual([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
    });

    test('words that most events have are found together with another filter, page by page', async () => {
      await using record = await store.open('frequent', sources());
      const principal = (number: number): string => {
        if (number === 2 || number === 1_150) return 'seldom';
        return number <= 600 ? 'early' : `often-${number % 3}`;
      };
      const numbers = Array.from({ length: 1_200 }, (_, index) => index + 1);
      for (let start = 0; start < numbers.length; start += 200) {
        const events = numbers.slice(start, start + 200).map((number) => {
          const note = number % 7 === 0 ? 'other' : 'common word';
          return draft('denied', { principal: principal(number), content: { args: { note } } });
        });
        await record.write({ events });
      }
      for (const name of ['often-1', 'early', 'seldom', 'nobody'])
        for (const order of ['asc', 'desc'] as const) {
          const query = { ...all, order, limit: 90, text: 'common', principal: name };
          const expected = numbers.filter((number) => principal(number) === name && number % 7 !== 0);
          const found = (await pagesOf(record, query)).flat();
          expect({ name, found }).toEqual({
            name,
            found: order === 'asc' ? expected : expected.toReversed(),
          });
        }
    });

    test('goes on after an event that is named', async () => {
      await using record = await store.open('after', sources());
      await record.write({
        events: [draft('started'), draft('stopped'), draft('started'), draft('started')],
      });
      const { items } = await record.listEvents(all);
      const afterId = items[1]?.id ?? '';
      expect(await pagesOf(record, { ...all, afterId, type: 'started', limit: 1 })).toEqual([[3], [4]]);
      expect(await pagesOf(record, { ...all, afterId: 'evt_nowhere' })).toEqual([[]]);
    });
  });
}
