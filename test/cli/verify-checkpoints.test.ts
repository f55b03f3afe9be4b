import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import Database from 'better-sqlite3';

import { runCli, startServer } from '../support/server.ts';

/** No call is made: what a server records by itself is enough. */
test('a tail that the operator cut off is found with the key and the anchors that an auditor kept', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'sallyport-checkpoints-'));
  const anchor = path.join(dataDir, 'anchors.ndjson');
  const environment = { SALLYPORT_DATA_DIR: dataDir };
  try {
    let publicKey = '';
    {
      await using server = await startServer({
        dataDir,
        environment: {
          DOCKER_HOST: 'unix:///nonexistent/docker.sock',
          SALLYPORT_AUDIT_ANCHOR: `file:${anchor}`,
        },
      });
      const { body } = await server.request('GET', '/v1/audit/checkpoints');
      expect(body).toMatchObject({ items: [{ statement: { heads: [{ writer: 'node/api-1' }] } }] });
      publicKey = String(body.items[0].statement.key);
      const verified = await server.request('GET', `/v1/audit/verify?publicKey=${publicKey}`);
      expect(verified.body).toMatchObject({ valid: true, trust: 'known-key', keys: [publicKey] });
      const refused = await server.request('GET', '/v1/audit/verify?publicKey=ABC');
      expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: '?publicKey' }] } });
    }
    const verify = ['audit', 'verify', '--offline', '--public-key', publicKey, '--anchor', anchor];
    const intact = await runCli(verify, environment);
    expect(intact.code).toBe(0);
    expect(JSON.parse(intact.stdout)).toMatchObject({
      trust: 'anchored',
      checkpoints: 4,
      afterLastCheckpoint: 1,
    });
    const intruder = new Database(path.join(dataDir, 'record.db'));
    intruder.exec(`DROP TRIGGER audit_chain_no_delete; DELETE FROM audit_content; DELETE FROM audit_chain WHERE sequence > 3;
      UPDATE writers SET (sequence, hash) = (SELECT sequence, hash FROM audit_chain ORDER BY position DESC LIMIT 1)`);
    intruder.close();
    const cut = await runCli(verify, environment);
    expect(cut.code).toBe(1);
    expect(JSON.parse(cut.stdout)).toMatchObject({ problems: [{ kind: 'truncated', sequence: 4 }] });
    const unsigned = path.join(dataDir, 'unsigned.ndjson');
    writeFileSync(unsigned, '{}\n');
    const unanchored = await runCli(['audit', 'verify', '--offline', '--anchor', unsigned], environment);
    expect(JSON.parse(unanchored.stdout)).toMatchObject({ valid: false, trust: 'unanchored' });
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});

test('--anchor without --offline is called wrongly', async () => {
  const ended = await runCli(['audit', 'verify', '--anchor', '/nonexistent'], {});
  expect(ended).toMatchObject({ code: 2 });
  expect(ended.stderr).toContain('--offline');
});
