import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { isRefusal } from '../../../src/calls/refusal.ts';
import type { FileFacts } from '../../../src/audit/uploaded-files.ts';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import type { LoadedFiles } from '../../../src/calls/uploads/named-files.ts';
import { fileMemoryBytes, loadFiles } from '../../../src/calls/uploads/named-files.ts';
import { TenantRoom } from '../../../src/calls/uploads/tenant-room.ts';
import { UploadDesk } from '../../../src/calls/uploads/upload-desk.ts';
import type { UploadDeskOptions } from '../../../src/calls/uploads/upload-desk.ts';
import type { Caller } from '../../../src/model/principal.ts';
import type { RecordStore } from '../../../src/audit/record.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { compileText } from '../../support/policy-directory.ts';

const revision = await compileText(`
apiVersion: sallyport/v1
kind: Image
metadata: {name: python}
spec: {build: python}
---
apiVersion: sallyport/v1
kind: Tool
metadata: {name: run}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string}, files: {type: array}}}
  runtime: {kind: container, image: python}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: p}
spec:
  subjects: [{tenants: [blue, red]}]
  rules:
    - {name: all, effect: allow, tools: [run]}
`);

function caller(tenant: string): Caller {
  return {
    principal: { id: `ana-of-${tenant}`, tenant, roles: [], attributes: {} },
    scopes: new Set(['call']),
    keyId: 'k1',
    address: '::1',
    requestId: 'req_1',
    traceId: null,
  };
}

async function withDesk(
  change: Partial<UploadDeskOptions>,
  use: (desk: UploadDesk, record: RecordStore, dataDir: string) => Promise<void>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'upload-desk-'));
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}_${(ids += 1)}`;
  const clock = { now: () => 1_767_323_045_000 };
  await using record = openSqliteRecord({ dataDir, writer: 'test', clock, newId, randomBytes });
  const metrics = createMetrics();
  const room = { fileBytesMax: 100, roomMax: { files: 2, bytes: 100 } };
  await use(
    new UploadDesk({
      record,
      clock,
      newId,
      metrics,
      logger: console,
      revision: () => revision,
      blocks: { find: () => null },
      hasDiskReserve: () => true,
      ...room,
      ...change,
    }),
    record,
    dataDir,
  );
  rmSync(dataDir, { recursive: true });
}

async function loaded(context: Parameters<typeof loadFiles>[0], facts: FileFacts): Promise<LoadedFiles> {
  const files = await loadFiles(context, facts.tenant, [facts]);
  if (isRefusal(files)) throw new Error(files.detail);
  return files;
}

const ofBytes = (count: number) => () => Promise.resolve(new Uint8Array(count));
const mustNotRead = (): never => {
  throw new Error('read the body');
};

test('a tenant that has its number of files uploads no more, unread and on the record; another tenant does', async () => {
  await withDesk({}, async (desk, record) => {
    await desk.upload(caller('blue'), ofBytes(1));
    await desk.upload(caller('blue'), ofBytes(1));
    expect(await desk.upload(caller('blue'), mustNotRead)).toMatchObject({ code: 'quota_exceeded' });
    expect(await desk.upload(caller('red'), ofBytes(1))).toMatchObject({ sizeBytes: 1, tenant: 'red' });
    const { items } = await record.listEvents({ tenant: 'blue', limit: 10, order: 'asc' });
    expect(items.map(({ type }) => type)).toEqual(['file_written', 'file_written', 'quota_exceeded']);
  });
});

test('who has no tool that takes files, or only blocked ones, uploads nothing, unread and on the record', async () => {
  await withDesk({}, async (desk, record) => {
    expect(await desk.upload(caller('grey'), mustNotRead)).toMatchObject({ code: 'policy_denied' });
    const { items } = await record.listEvents({ tenant: 'grey', limit: 10, order: 'asc' });
    expect(items).toMatchObject([
      { type: 'denied', status: 'policy_denied', details: { about: 'upload' }, content: { address: '::1' } },
    ]);
  });
  const block = {
    id: 'blk_1',
    tool: 'run',
    principal: null,
    tenant: null,
    reason: 'INC-1',
    createdBy: 'ops',
    createdAtMs: 0,
    expiresAtMs: 9_000_000_000_000,
  };
  await withDesk(
    { blocks: { find: (_principal, tool) => (tool === 'run' ? block : null) } },
    async (desk) => {
      expect(await desk.upload(caller('blue'), mustNotRead)).toMatchObject({ code: 'policy_denied' });
    },
  );
});

test('a file that would be too much with those that are there is not stored', async () => {
  await withDesk({}, async (desk, record) => {
    await desk.upload(caller('blue'), ofBytes(60));
    expect(await desk.upload(caller('blue'), ofBytes(41))).toMatchObject({ code: 'quota_exceeded' });
    expect(await record.fileRoomUsed('blue')).toEqual({ files: 1, bytes: 60 });
    expect(await desk.upload(caller('blue'), ofBytes(40))).toMatchObject({ sizeBytes: 40 });
  });
});

test('of one tenant four bodies are read at once, and their places come back', async () => {
  await withDesk({}, async (desk) => {
    const gate = Promise.withResolvers<Uint8Array>();
    const waiting = [1, 2, 3, 4].map(() => desk.upload(caller('blue'), () => gate.promise));
    expect(await desk.upload(caller('blue'), mustNotRead)).toMatchObject({ code: 'overloaded' });
    expect(await desk.upload(caller('red'), ofBytes(1))).toMatchObject({ sizeBytes: 1 });
    gate.reject(new Error('they went away'));
    await Promise.allSettled(waiting);
    expect(await desk.upload(caller('blue'), ofBytes(1))).toMatchObject({ sizeBytes: 1 });
  });
});

test('below the disk reserve nothing is read', async () => {
  await withDesk({ hasDiskReserve: () => false }, async (desk) => {
    expect(await desk.upload(caller('blue'), mustNotRead)).toMatchObject({ code: 'audit_unavailable' });
  });
});

test('a file whose bytes are others by now is not there for a call, and takes no room', async () => {
  await withDesk({}, async (desk, record, dataDir) => {
    const facts = await desk.upload(caller('blue'), ofBytes(3));
    if (isRefusal(facts)) throw new Error(facts.detail);
    const fileMemory = new TenantRoom({ ...fileMemoryBytes, byTenant: 3 });
    {
      using files = await loaded({ record, fileMemory }, facts);
      expect(files).toMatchObject({ contents: [{ id: facts.id }] });
    }
    const database = new Database(join(dataDir, 'record.db'));
    expect(database.prepare("UPDATE files SET data = x'000001'").run().changes).toBe(1);
    database.close();
    expect(await loadFiles({ record, fileMemory }, 'blue', [facts])).toMatchObject({ code: 'not_found' });
    expect(fileMemory.take('blue', 3)).not.toBeNull();
  });
});

test('contents that calls hold are counted by tenant and in all', () => {
  const memory = new TenantRoom({ all: 10, byTenant: 6 });
  const first = memory.take('blue', 6);
  expect([memory.take('blue', 1), memory.take('red', 5)]).toEqual([null, null]);
  expect(memory.take('red', 4)).not.toBeNull();
  first?.[Symbol.dispose]();
  expect(memory.take('blue', 6)).not.toBeNull();
});
