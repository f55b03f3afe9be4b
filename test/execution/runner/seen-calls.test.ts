import { describe, expect, test } from 'vitest';
import { SeenCalls, isCallId } from '../../../src/execution/runner/seen-calls.ts';
import { idOf } from './support.ts';

describe('seen calls', () => {
  const ids = Array.from({ length: 100 }, (_, index) => idOf(index * 2));

  test('a replay never passes, also after each memory has turned over', () => {
    for (const options of [{ rememberedMax: 10 }, { rememberedMax: 10, markedMax: 20 }]) {
      const seen = new SeenCalls(options);
      expect(ids.map((id) => seen.add(id))).toEqual(ids.map(() => 'new'));
      expect(ids.map((id) => seen.add(id))).toEqual(ids.map(() => 'seen'));
    }
  });

  test('a call that waited for its approval passes once, however many came meanwhile', () => {
    const seen = new SeenCalls({ rememberedMax: 10 });
    for (const id of ids) seen.add(id);
    expect([seen.add(idOf(3)), seen.add(idOf(3))]).toEqual(['new', 'seen']);
  });

  test('one that is older than all marks counts as seen', () => {
    const seen = new SeenCalls({ rememberedMax: 10, markedMax: 20 });
    for (const id of ids) seen.add(id);
    expect(seen.add(idOf(3))).toBe('seen');
  });

  test.each(['call_', 'call_8ZZZZZZZZZZZZZZZZZZZZZZZZZ', 'ses_01J00000000000000000000001', `${idOf(1)}\n`])(
    '%j is no call id',
    (text) => {
      expect(isCallId(text)).toBe(false);
    },
  );
});
