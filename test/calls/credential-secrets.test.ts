import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCredentialSecrets } from '../../src/calls/credential-secrets.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'credentials-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const read = (file: string) =>
  readCredentialSecrets([{ name: 'warehouse', from: { file }, isDecoy: false }], {});

test('the secret is what the file holds, without the line break at its end', () => {
  const file = join(directory, 'secret');
  writeFileSync(file, 'open sesame\n');
  expect(read(file)).toEqual([{ id: 'warehouse', secret: 'open sesame', isDecoy: false }]);
});

test('pipes, devices, folders and large files are refused, and none is waited for', () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const large = join(directory, 'large');
  writeFileSync(large, 'x'.repeat(64 * 1024 + 1));
  for (const file of [pipe, large, directory, '/dev/zero', join(directory, 'missing')])
    expect(() => read(file)).toThrow(`warehouse: the file ${file} is missing or empty, or no plain file`);
});
