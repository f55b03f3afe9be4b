/** A process that writes as fast as it can, and says on stdout what was acknowledged, until it is killed or refused. */
import { writeSync } from 'node:fs';
import { RecordUnavailable } from '../../../src/audit/record.ts';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { intent, outcome, sources } from '../../contract/record-fixtures.ts';

const [dataDir = ''] = process.argv.slice(2);
const record = openSqliteRecord({ ...sources(), dataDir });
let calls = 0;

async function writeForever(): Promise<void> {
  for (;;) {
    const id = `call_${String((calls += 1)).padStart(6, '0')}`;
    for (const write of [intent(id), outcome(id)]) {
      const [event] = (await record.write(write)).events();
      writeSync(1, `${event?.sequence} ${event?.hash} ${id} ${write.calls?.[0]?.call.status}\n`);
    }
  }
}

try {
  await Promise.all(Array.from({ length: 24 }, writeForever));
} catch (error) {
  if (!(error instanceof RecordUnavailable)) throw error;
  writeSync(2, error.message);
  process.exit(3);
}
