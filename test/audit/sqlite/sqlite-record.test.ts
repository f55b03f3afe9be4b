import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { recordStoreContract } from '../../contract/record-store.ts';

const home = mkdtempSync(join(tmpdir(), 'record-'));
afterAll(() => rmSync(home, { recursive: true }));

recordStoreContract('SQLite', {
  open: (name, given) => Promise.resolve(openSqliteRecord({ ...given, dataDir: join(home, name) })),
});
