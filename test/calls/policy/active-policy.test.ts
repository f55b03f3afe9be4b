/** Changes of policy over a real record and real files, with a runner and secrets that come and go. */
import Database from 'better-sqlite3';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { ActivePolicy } from '../../../src/calls/policy/active-policy.ts';
import { chooseFirstPolicy, findFiles } from '../../../src/calls/policy/first-policy.ts';
import type { Caller } from '../../../src/model/principal.ts';
import { runCompileJob } from '../../../src/policy/compile/compile-job.ts';
import { readClaim } from '../../../src/policy/load/read-claim.ts';
import { scanFiles } from '../../../src/policy/load/scan-files.ts';
import { SetClock } from '../../contract/record-fixtures.ts';
import { knownDetectors, withPolicyDirectory } from '../../support/policy-directory.ts';

const constants = (host: string): string =>
  `apiVersion: sallyport/v1\nkind: Constants\nmetadata: {name: env}\nspec: {host: ${host}}\n`;
const ops: Caller = {
  principal: { id: 'ops', tenant: 'default', roles: [], attributes: {} },
  keyId: 'k',
  scopes: new Set(['policy']),
  address: '127.0.0.1',
  requestId: 'req_1',
  traceId: null,
};

interface Running {
  readonly policy: ActivePolicy;
  readonly directory: string;
  readonly database: Database.Database;
  readonly world: { isHeld: boolean; isSecretThere: boolean; secret: string; compiled: number; told: string };
  /** Rewrites the files, takes them up, and tells which revision decides. */
  readonly become: (host: string) => Promise<string>;
}

async function withPolicy(use: (running: Running) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'active-policy-'));
  const clock = new SetClock();
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}_${String((ids += 1)).padStart(26, '0')}`;
  try {
    await withPolicyDirectory({ 'a.yaml': constants('one') }, async (directory) => {
      await using record = openSqliteRecord({ dataDir, writer: 'test', clock, newId, randomBytes });
      const directories = [directory];
      const found = await findFiles(directories, knownDetectors);
      const world = { isHeld: true, isSecretThere: true, secret: 'old', compiled: 0, told: '' };
      const policy = new ActivePolicy(await chooseFirstPolicy(found, record, knownDetectors), {
        directories,
        knownDetectors,
        record,
        runners: {
          hold: async () => ({ connectedCount: 1, holdingCount: world.isHeld ? 1 : 0, others: [] }),
        },
        compile(job) {
          world.compiled += 1;
          return runCompileJob(job);
        },
        scan: () => scanFiles(directories),
        readClaim: () => readClaim(directories),
        prepare() {
          if (!world.isSecretThere) throw new Error('the secret is missing');
          const { secret } = world;
          return () => (world.told = secret);
        },
        sleep: async () => {},
        clock,
        fellows: null,
        redactText: (text) => text,
        onChange: () => {},
        logger: { info: () => {}, warn: () => {}, error: () => {} },
      });
      await policy.recordStart(null, null);
      const become = async (host: string): Promise<string> => {
        await writeFile(join(directory, 'a.yaml'), constants(host));
        await policy.reload('watch', null);
        return policy.revision.id;
      };
      const database = new Database(join(dataDir, 'record.db'));
      try {
        await use({ policy, directory, database, world, become });
      } finally {
        database.close();
      }
    });
  } finally {
    await rm(dataDir, { recursive: true });
  }
}

test('a change that has to wait once its pin is gone is tried again, though the files are as they were', async () => {
  await withPolicy(async ({ policy, world, become }) => {
    const first = policy.revision.id;
    const second = await become('two');
    await policy.activate(first, 'INC-1', ops);
    expect(await policy.reload('signal', null)).toMatchObject({ outcome: 'pinned', revision: second });
    expect(await policy.isUpToDate()).toBe(true);
    world.isHeld = false;
    expect(await policy.unpin('INC-1 is over', ops)).toMatchObject({ outcome: 'waiting', revision: second });
    expect(await policy.isUpToDate()).toBe(false);
    world.isHeld = true;
    expect(await policy.reload('watch', null)).toMatchObject({ outcome: 'activated', revision: second });
    expect(await policy.isUpToDate()).toBe(true);
  });
});

test('a storm of signals is one reload under way and one after it', async () => {
  await withPolicy(async ({ policy, world }) => {
    const under = policy.reload('api', ops);
    const storm = Array.from({ length: 100 }, () => policy.reload('signal', null));
    await Promise.all([under, ...storm]);
    expect(world.compiled).toBe(2);
    await policy.reload('signal', null);
    expect(world.compiled).toBe(3);
  });
});

test('a reload reads the secrets anew, with files that are as they were and beside a pin', async () => {
  await withPolicy(async ({ policy, world, become }) => {
    world.secret = 'new';
    expect(await policy.reload('signal', null)).toMatchObject({ outcome: 'unchanged' });
    expect(world.told).toBe('new');
    world.isSecretThere = false;
    expect(await policy.reload('signal', null)).toMatchObject({ outcome: 'waiting' });
    expect(await policy.isUpToDate()).toBe(false);
    world.isSecretThere = true;
    const first = policy.revision.id;
    await become('two');
    await policy.activate(first, 'INC-1', ops);
    world.secret = 'newer';
    expect(await policy.reload('signal', null)).toMatchObject({ outcome: 'pinned' });
    expect(world.told).toBe('newer');
  });
});

test('a stored revision that was altered is as good as none, until its files come again', async () => {
  await withPolicy(async ({ policy, database, become }) => {
    const first = policy.revision.id;
    const second = await become('two');
    database
      .prepare(
        "UPDATE policy_revisions SET content = CAST(replace(content, 'one', 'own') AS BLOB) WHERE id = ?",
      )
      .run(first);
    expect(await policy.activate(first, 'INC-1', ops)).toEqual({ outcome: 'unknown' });
    expect(policy.state).toMatchObject({ revision: second, pin: null });
    expect(await become('one')).toBe(first);
    await become('two');
    expect(await policy.activate(first, 'INC-1', ops)).toMatchObject({ outcome: 'activated' });
  });
});

test('a start reads the files again when they changed meanwhile, and not for ever', async () => {
  await withPolicyDirectory({ 'a.yaml': constants('half') }, async (directory) => {
    const states = ['before', 'after', 'after'];
    const scan = async (): Promise<string> => {
      const state = states.shift() ?? 'none';
      if (states.length === 1) await writeFile(join(directory, 'a.yaml'), constants('whole'));
      return state;
    };
    const { compiled, scanned } = await findFiles([directory], knownDetectors, scan);
    expect([compiled.ok && compiled.revision.content.includes('whole'), scanned]).toEqual([true, 'after']);
    let looks = 0;
    const restless = async (): Promise<string> => String((looks += 1));
    await expect(findFiles([directory], knownDetectors, restless)).rejects.toThrow(
      'changed during each of 20',
    );
  });
});
