/** A process that writes and erases as fast as it can, and says on stdout what was acknowledged, until it is killed. */
import { writeSync } from 'node:fs';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { draft, sources, storedCall } from '../../contract/record-fixtures.ts';

const [dataDir = ''] = process.argv.slice(2);
const record = openSqliteRecord({ ...sources(), dataDir });

for (let number = 1; ; number += 1) {
  const id = `call_${number}`;
  const body = `needle${number}x ${'filler '.repeat((number * 131) % 700)}`;
  await record.write({
    events: [draft('outcome', { callId: id, content: { result: body } })],
    calls: [storedCall(id, 'succeeded', { result: body })],
  });
  writeSync(1, `written ${number}\n`);
  if (number % 2 === 0) continue;
  const { places, callIds, calls, sessionIds } = await record.planErasure({ callId: id }, 1);
  await record.write({
    events: [draft('erased', { callId: id })],
    calls: calls.map(({ call, ...owner }) => ({ ...owner, call: { ...call, result: null } })),
    clearing: { places, callIds, calls: 'emptied', sessionIds },
  });
  writeSync(1, `erased ${number}\n`);
  await record.scrub();
  writeSync(1, `scrubbed ${number}\n`);
}
