import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';

import { runCli, startServer } from '../support/server.ts';

test('verify --offline ends with 1 and names the event that was changed after the server stopped', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'sallyport-tampered-'));
  try {
    {
      await using server = await startServer({
        dataDir,
        environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
      });
      await server.call('js_run', { code: 'return "mine"' });
    }
    const verify = ['audit', 'verify', '--offline'];
    expect((await runCli(verify, { SALLYPORT_DATA_DIR: dataDir })).code).toBe(0);
    const intruder = new Database(path.join(dataDir, 'record.db'));
    intruder.exec(`DROP TRIGGER audit_chain_no_update;
      UPDATE audit_chain SET canonical = CAST(replace(canonical, '"succeeded"', '"failed"') AS BLOB)
      WHERE type = 'outcome';`);
    const { sequence } = intruder
      .prepare("SELECT sequence FROM audit_chain WHERE type = 'outcome'")
      .get() as { sequence: number };
    intruder.close();
    const ended = await runCli(verify, { SALLYPORT_DATA_DIR: dataDir });
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({ valid: false, problems: [{ sequence }] });
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
