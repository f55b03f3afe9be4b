/** Two processes that decide under one policy, over one real record and real files. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RecordStore } from '../../../src/audit/record.ts';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { ActivePolicy } from '../../../src/calls/policy/active-policy.ts';
import { chooseFirstPolicy, findFiles } from '../../../src/calls/policy/first-policy.ts';
import { followFellows, policyFellows } from '../../../src/calls/policy/policy-fellows.ts';
import type { Fellows } from '../../../src/model/fellows.ts';
import type { Caller } from '../../../src/model/principal.ts';
import { runCompileJob } from '../../../src/policy/compile/compile-job.ts';
import { readClaim } from '../../../src/policy/load/read-claim.ts';
import { scanFiles } from '../../../src/policy/load/scan-files.ts';
import { SharedDesk } from '../../../src/supervisor/shared-desk.ts';
import { SetClock } from '../../contract/record-fixtures.ts';
import { knownDetectors, withPolicyDirectory } from '../../support/policy-directory.ts';

const constants = (host: string): string =>
  `apiVersion: sallyport/v1\nkind: Constants\nmetadata: {name: env}\nspec: {host: ${host}}\n`;
const quiet = { info: () => {}, warn: () => {}, error: () => {} };
const ops: Caller = {
  principal: { id: 'ops', tenant: 'default', roles: [], attributes: {} },
  keyId: 'k',
  scopes: new Set(['policy']),
  address: '127.0.0.1',
  requestId: 'req_1',
  traceId: null,
};

interface Node {
  readonly directory: string;
  readonly record: RecordStore;
  /** Policies that its process compiled from the files. */
  readonly compiled: { count: number };
  /** One more process; `meanwhile` happens after it has read what decides, and before it says that it starts. */
  readonly join: (meanwhile?: () => Promise<unknown>) => Promise<ActivePolicy>;
}

async function withNode(use: (node: Node) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fellows-'));
  const clock = new SetClock();
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}_${String((ids += 1)).padStart(26, '0')}`;
  const desk = new SharedDesk({ workersCount: 2, onRunnerSilent: () => {} });
  const answerers = new Map<number, Map<string, Parameters<Fellows['onAsked']>[1]>>();
  const compiled = { count: 0 };
  await withPolicyDirectory({ 'a.yaml': constants('one') }, async (directory) => {
    await using record = openSqliteRecord({ dataDir, writer: 'test', clock, newId, randomBytes });
    const directories = [directory];
    const joinNode: Node['join'] = async (meanwhile) => {
      const me = answerers.size + 1;
      answerers.set(me, new Map());
      const ask = (topic: string, data: null): Promise<null> =>
        desk.answer(me, topic, data, async () => {}) as Promise<null>;
      const fellows: Fellows = {
        isWholeStopping: false,
        askSupervisor: (topic, data) => ask(topic, data as null),
        tellSupervisor: (topic, data) => void ask(topic, data as null),
        askOthers: (topic, data) =>
          Promise.all(
            [...answerers]
              .filter(([who]) => who !== me)
              .map(([, known]) => Promise.resolve(known.get(topic)?.(data) ?? null)),
          ),
        onAsked: (topic, answer) => void answerers.get(me)?.set(topic, answer),
      };
      const found = await findFiles(directories, knownDetectors);
      const policy = new ActivePolicy(await chooseFirstPolicy(found, record, knownDetectors), {
        directories,
        knownDetectors,
        record,
        runners: { hold: async () => ({ connectedCount: 1, holdingCount: 1, others: [] }) },
        compile(job) {
          compiled.count += 1;
          return runCompileJob(job);
        },
        scan: () => scanFiles(directories),
        readClaim: () => readClaim(directories),
        prepare: () => () => {},
        sleep: async () => {},
        clock,
        fellows: policyFellows(fellows),
        redactText: (text) => text,
        onChange: () => {},
        logger: quiet,
      });
      followFellows(fellows, (files) => policy.follow(files), quiet);
      await meanwhile?.();
      await policy.recordStart(null, null);
      return policy;
    };
    await use({ directory, record, compiled, join: joinNode });
  });
  await rm(dataDir, { recursive: true });
}

async function count(record: RecordStore, type: 'policy_activated' | 'policy_rejected'): Promise<number> {
  return (await record.listEvents({ tenant: null, type, limit: 100, order: 'asc' })).items.length;
}

test('a change that one makes decides in the other when it is answered, and is on the record once', async () => {
  await withNode(async ({ directory, record, compiled, join: joinNode }) => {
    const [one, other] = [await joinNode(), await joinNode()];
    const first = one.revision.id;
    await writeFile(join(directory, 'a.yaml'), constants('two'));
    expect(await one.reload('api', ops)).toMatchObject({ outcome: 'activated' });
    expect(other.revision.id).toBe(one.revision.id);
    expect(other.state.files).toEqual({ kind: 'active' });
    // It need not read what the other one has read.
    expect([await other.isUpToDate(), compiled.count]).toEqual([true, 1]);

    await other.activate(first, 'INC-1', ops);
    expect(one.state).toMatchObject({ revision: first, pin: { reason: 'INC-1' }, trigger: 'rollback' });
    expect(await one.reload('watch', null)).toMatchObject({ outcome: 'pinned' });
    await one.unpin('over', ops);
    expect(other.state).toMatchObject({ revision: one.revision.id, pin: null });
    // Two starts, a reload, a roll-back, and its end with the files.
    expect(await count(record, 'policy_activated')).toBe(5);
  });
});

test('files that both see at once are taken up once, and mistakes are told once', async () => {
  await withNode(async ({ directory, record, join: joinNode }) => {
    const [one, other] = [await joinNode(), await joinNode()];
    await writeFile(join(directory, 'a.yaml'), constants('two'));
    await Promise.all([one.reload('watch', null), other.reload('watch', null)]);
    expect(other.revision.id).toBe(one.revision.id);
    expect(await count(record, 'policy_activated')).toBe(3);

    await writeFile(join(directory, 'a.yaml'), 'kind: Nothing\n');
    const changes = await Promise.all([one.reload('watch', null), other.reload('watch', null)]);
    expect(changes).toMatchObject([{ outcome: 'rejected' }, { outcome: 'rejected' }]);
    expect([one.state.files.kind, other.state.files.kind]).toEqual(['rejected', 'rejected']);
    expect(await count(record, 'policy_rejected')).toBe(1);
  });
});

test('a process that starts while another rolls back does not undo that', async () => {
  await withNode(async ({ directory, record, join: joinNode }) => {
    const one = await joinNode();
    const first = one.revision.id;
    await writeFile(join(directory, 'a.yaml'), constants('two'));
    await one.reload('watch', null);
    const other = await joinNode(() => one.activate(first, 'INC-1', ops));
    expect(other.state).toMatchObject({ revision: first, pin: { reason: 'INC-1' } });
    expect(await record.policyState()).toMatchObject({ revision: first, pin: { reason: 'INC-1' } });
  });
});
