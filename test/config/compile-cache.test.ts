import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileCacheDirectory } from '../../src/config/compile-cache.ts';

const user = process.getuid?.() ?? 0;
let parent: string;
const wanted = (): string => join(parent, `sallyport-code-${user}`);

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'sallyport-cache-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

describe('the directory of compiled code', () => {
  test('is made for this user alone, and taken again', () => {
    expect(compileCacheDirectory(parent)).toBe(wanted());
    expect(statSync(wanted()).mode & 0o777).toBe(0o700);
    expect(compileCacheDirectory(parent)).toBe(wanted());
  });

  test('is not one that others can write', () => {
    mkdirSync(wanted());
    chmodSync(wanted(), 0o770);
    expect(compileCacheDirectory(parent)).toBeNull();
  });

  test('is not one that somebody else made', () => {
    const somebody = user + 1;
    mkdirSync(join(parent, `sallyport-code-${somebody}`), { mode: 0o700 });
    expect(compileCacheDirectory(parent, somebody)).toBeNull();
  });

  test('is not a link to another place', () => {
    mkdirSync(join(parent, 'elsewhere'), { mode: 0o700 });
    symlinkSync(join(parent, 'elsewhere'), wanted());
    expect(compileCacheDirectory(parent)).toBeNull();
  });

  test('is not a file', () => {
    writeFileSync(wanted(), '', { mode: 0o600 });
    expect(compileCacheDirectory(parent)).toBeNull();
  });

  test('is not where somebody else could put another one in its place', () => {
    chmodSync(parent, 0o777);
    expect(compileCacheDirectory(parent)).toBeNull();
    chmodSync(parent, 0o1777);
    expect(compileCacheDirectory(parent)).toBe(wanted());
  });

  test('is none where none can be made', () => {
    expect(compileCacheDirectory(join(parent, 'missing'))).toBeNull();
  });
});
