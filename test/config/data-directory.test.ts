import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { takeDataDirectory } from '../../src/app/data-directory.ts';
import { loadConfig } from '../../src/config/config.ts';

test('a copy of a data directory is another instance: it must not remove the containers of the original', async () => {
  const home = mkdtempSync(join(tmpdir(), 'data-directory-'));
  try {
    const first = await instanceOf(join(home, 'data'));
    expect(await instanceOf(join(home, 'data'))).toBe(first);
    cpSync(join(home, 'data'), join(home, 'copy'), { recursive: true });
    expect(await instanceOf(join(home, 'copy'))).not.toBe(first);
  } finally {
    rmSync(home, { recursive: true });
  }
});

async function instanceOf(dataDir: string): Promise<string> {
  await using stack = new AsyncDisposableStack();
  return takeDataDirectory(loadConfig({ SALLYPORT_DATA_DIR: dataDir }).config, stack).instance;
}
