import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { feedAfter, feedStart, feedTextCharsMax, parseFeedId } from '../../src/calls/call-feed.ts';
import type { FeedEvent, FeedPosition } from '../../src/calls/call-feed.ts';
import type { Call } from '../../src/model/call.ts';

const artifact = {
  id: 'art_1',
  name: 'plot.png',
  mediaType: 'image/png',
  sizeBytes: 1,
  sha256: '00',
  url: '/v1/artifacts/art_1',
  expiresAt: '2026-01-02T00:00:00.000Z',
};

const ended = {
  id: 'call_1',
  tool: 'python_run',
  status: 'succeeded',
  limits: { timeoutMs: 1000 },
  output: { stdout: 'one\ntwo\n', stderr: 'warned\n', truncated: [] },
  artifacts: [artifact],
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:00:01.000Z',
} as unknown as Call;

const running: Call = {
  ...ended,
  status: 'running',
  output: { stdout: '', stderr: '', truncated: [] },
  artifacts: [],
  finishedAt: null,
};

function all(call: Call, position: FeedPosition): { events: FeedEvent[]; isEnd: boolean } {
  const events: FeedEvent[] = [];
  const feed = feedAfter(call, position);
  let next = feed.next();
  for (; next.done !== true; next = feed.next()) events.push(next.value);
  return { events, isEnd: next.value };
}

describe('the events of a call', () => {
  test('of one that ended are start, prints, artifacts and the whole call', () => {
    const { events, isEnd } = all(ended, feedStart);
    expect(isEnd).toBe(true);
    expect(events.map(({ id, type }) => [id, type])).toEqual([
      ['1.0.0.0', 'started'],
      ['1.8.0.0', 'stdout'],
      ['1.8.7.0', 'stderr'],
      ['1.8.7.1', 'artifact'],
      ['1.8.7.1', 'finished'],
    ]);
    expect(events[1]?.data).toEqual({ text: 'one\ntwo\n' });
    expect(events[4]?.data).toBe(ended);
  });

  test('of one that runs go on when it has ended', () => {
    const first = all(running, feedStart);
    expect(first.events.map(({ type }) => type)).toEqual(['started']);
    expect(first.isEnd).toBe(false);
    const rest = all(ended, parseFeedId('1.0.0.0') ?? feedStart);
    expect(rest.events.map(({ type }) => type)).toEqual(['stdout', 'stderr', 'artifact', 'finished']);
  });

  test('of one that waits for a person are none, and of one that never ran the end alone', () => {
    const waiting: Call = { ...running, startedAt: null };
    expect(all(waiting, feedStart)).toEqual({ events: [], isEnd: false });
    const refused: Call = { ...waiting, status: 'rejected', finishedAt: '2026-01-01T00:00:01.000Z' };
    expect(all(refused, feedStart).events.map(({ type }) => type)).toEqual(['finished']);
  });

  test('after an id from beyond the call are its end alone', () => {
    const { events } = all(ended, { isStarted: true, stdoutChars: 999, stderrChars: 999, artifacts: 99 });
    expect(events.map(({ type }) => type)).toEqual(['finished']);
  });

  test('a long print comes in pieces that never part a surrogate pair', () => {
    const stdout = `${'a'.repeat(feedTextCharsMax - 1)}😀${'b'.repeat(feedTextCharsMax)}`;
    const { events } = all({ ...ended, output: { ...ended.output, stdout } }, feedStart);
    const texts = events.flatMap((event) => (event.type === 'stdout' ? [event.data.text] : []));
    expect(texts.join('')).toBe(stdout);
    expect(texts.every((text) => text.isWellFormed() && text.length <= feedTextCharsMax)).toBe(true);
    expect(texts).toHaveLength(3);
  });

  test('from every id on, what was told before and what is told after are the whole', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(text, text, fc.nat(), fc.nat(), (stdout, stderr, cut, at) => {
        const early: Call = {
          ...running,
          output: { stdout: stdout.slice(0, cut % (stdout.length + 1)), stderr: '', truncated: [] },
        };
        const late: Call = { ...ended, output: { stdout, stderr, truncated: [] } };
        const before = all(early, feedStart).events.slice(0, 1 + (at % 2));
        const last = before.at(-1)?.id ?? '';
        const after = all(late, parseFeedId(last) ?? feedStart).events;
        const told = (type: 'stdout' | 'stderr'): string =>
          [...before, ...after].map((event) => (event.type === type ? event.data.text : '')).join('');
        expect([told('stdout'), told('stderr')]).toEqual([stdout, stderr]);
      }),
    );
  });

  test('a text that is no id is refused', () => {
    for (const id of ['', '5', '1.2.3', '2.0.0.0', '1.-1.0.0', '1.0.0.0 ', '1.99999999999.0.0'])
      expect(parseFeedId(id)).toBeNull();
  });
});
