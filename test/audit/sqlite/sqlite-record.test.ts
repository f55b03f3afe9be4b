import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { recordApprovalsContract } from '../../contract/record-approvals.ts';
import { recordCallsContract } from '../../contract/record-calls.ts';
import { recordFilesContract } from '../../contract/record-files.ts';
import { pageContract } from '../../contract/record-pages.ts';
import { sessionLabelsContract } from '../../contract/record-sessions.ts';
import { recordStoreContract } from '../../contract/record-store.ts';
import { recordUpkeepContract } from '../../contract/record-upkeep.ts';
import type { UpkeepStore } from '../../contract/record-upkeep.ts';
import type { StoreUnderTest } from '../../contract/record-store.ts';

const home = mkdtempSync(join(tmpdir(), 'record-'));
afterAll(() => rmSync(home, { recursive: true }));

const store: StoreUnderTest & UpkeepStore = {
  open: (name, given) => Promise.resolve(openSqliteRecord({ ...given, dataDir: join(home, name) })),
};
recordStoreContract('SQLite', store);
pageContract('SQLite', store);
sessionLabelsContract('SQLite', store);
recordApprovalsContract('SQLite', store);
recordUpkeepContract('SQLite', store);
recordCallsContract('SQLite', store);
recordFilesContract('SQLite', store);
