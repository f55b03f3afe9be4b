import { describe, expect, test } from 'vitest';
import { RecordUnavailable } from '../../src/audit/record.ts';
import type { Receipt, RecordWrite } from '../../src/audit/record.ts';
import { OutcomeWriter } from '../../src/calls/outcome-writer.ts';

const write: RecordWrite = { events: [{ type: 'outcome', callId: 'call_1' }] };
const logger = { error: () => {} };

function recordThatFails(times: number): {
  write: () => Promise<Receipt>;
  attempts: () => number;
} {
  let attempts = 0;
  return {
    attempts: () => attempts,
    write: async () => {
      attempts += 1;
      if (attempts <= times) throw new RecordUnavailable('disk full');
      return { events: () => [] };
    },
  };
}

describe('outcome writer', () => {
  test('tries again until the record takes it', async () => {
    const record = recordThatFails(2);
    await using outcomes = new OutcomeWriter({ record, logger });
    expect(await outcomes.write(write)).toBe(true);
    expect(record.attempts()).toBe(3);
  });

  test('the answer stops waiting while the attempts go on', async () => {
    const record = recordThatFails(Number.POSITIVE_INFINITY);
    await using outcomes = new OutcomeWriter({ record, logger, answerWaitMs: 0 });
    expect(await outcomes.write(write)).toBe(false);
  });

  test('an error that no retry can mend is passed on at once', async () => {
    await using outcomes = new OutcomeWriter({
      record: { write: () => Promise.reject(new TypeError('bug')) },
      logger,
    });
    await expect(outcomes.write(write)).rejects.toThrow(TypeError);
  });

  test('at the end nobody waits for a write that hangs', async () => {
    const stored = Promise.withResolvers<Receipt>();
    const outcomes = new OutcomeWriter({
      record: { write: () => stored.promise },
      logger,
      answerWaitMs: 3_600_000,
    });
    const answer = outcomes.write(write);
    const ended = outcomes[Symbol.asyncDispose]();
    expect(await answer).toBe(false);
    stored.resolve({ events: () => [] });
    await ended;
  });
});
