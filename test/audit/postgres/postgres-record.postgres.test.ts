import { afterAll, beforeAll } from 'vitest';
import { openPostgresRecord } from '../../../src/audit/postgres/open-postgres-record.ts';
import { recordApprovalsContract } from '../../contract/record-approvals.ts';
import { recordCallsContract } from '../../contract/record-calls.ts';
import { recordFilesContract } from '../../contract/record-files.ts';
import { pageContract } from '../../contract/record-pages.ts';
import { sessionLabelsContract } from '../../contract/record-sessions.ts';
import { recordStoreContract } from '../../contract/record-store.ts';
import { recordUpkeepContract } from '../../contract/record-upkeep.ts';
import type { UpkeepStore } from '../../contract/record-upkeep.ts';
import type { StoreUnderTest } from '../../contract/record-store.ts';
import { MigratedDatabases } from '../../support/migrated-databases.ts';
import { PostgresServer } from '../../support/postgres-server.ts';

let server: PostgresServer;
let databases: MigratedDatabases;
const urls = new Map<string, string>();
beforeAll(async () => {
  server = await PostgresServer.start();
  databases = await MigratedDatabases.on(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const store: StoreUnderTest & UpkeepStore = {
  async open(name, given) {
    const url = urls.get(name) ?? (await databases.create());
    urls.set(name, url);
    return openPostgresRecord({ ...given, url });
  },
};
recordStoreContract('PostgreSQL', store);
pageContract('PostgreSQL', store);
sessionLabelsContract('PostgreSQL', store);
recordApprovalsContract('PostgreSQL', store);
recordUpkeepContract('PostgreSQL', store);
recordCallsContract('PostgreSQL', store);
recordFilesContract('PostgreSQL', store);
