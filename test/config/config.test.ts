import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigInvalid, loadConfig } from '../../src/config/config.ts';

const key = `spk_boot_${'A'.repeat(43)}`;

function problemsOf(environment: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems;
    throw error;
  }
  return [];
}

describe('config', () => {
  test('has safe defaults when nothing is set', () => {
    const { config } = loadConfig({});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      dataDir: './data',
      policyDirs: ['./policies'],
      isolateConfinement: 'auto',
      maxBodyBytes: 1_048_576,
      maxFileBytes: 67_108_864,
      bootstrapKey: null,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('names every bad value at once', () => {
    expect(
      problemsOf({ SALLYPORT_PORT: '80 80', SALLYPORT_MAX_BODY_BYTES: 'huge', SALLYPORT_LOG_LEVEL: 'loud' }),
    ).toEqual([
      'SALLYPORT_PORT must be a whole number from 0 to 65535, not "80 80"',
      'SALLYPORT_MAX_BODY_BYTES must be a number of bytes from 1024 to 16777216, for example 1MiB, not "huge"',
      'SALLYPORT_LOG_LEVEL must be one of trace, debug, info, warn, error, silent, not "loud"',
    ]);
  });

  test('stops at an unknown name and says the nearest known one', () => {
    expect(problemsOf({ SALLYPORT_POLICY_DIRS: 'x' })).toEqual([
      'SALLYPORT_POLICY_DIRS is not known; did you mean SALLYPORT_POLICY_DIR?',
    ]);
  });

  test('ignores the client’s variables and Kubernetes service links with a warning', () => {
    const { config, warnings } = loadConfig({
      SALLYPORT_URL: 'http://x',
      SALLYPORT_API_KEY: 'y',
      SALLYPORT_SERVICE_HOST: '10.0.0.1',
      SALLYPORT_PORT: 'tcp://10.0.0.1:80',
      SALLYPORT_PORT_80_TCP_ADDR: '10.0.0.1',
    });
    expect(config.port).toBe(8080);
    expect(warnings).toHaveLength(5);
  });

  test('never shows a secret, neither in the sources nor in an error', () => {
    const { config, sources } = loadConfig({ SALLYPORT_BOOTSTRAP_KEY: key });
    expect(config.bootstrapKey).toBe(key);
    expect(JSON.stringify(sources)).not.toContain('AAAA');
    expect(problemsOf({ SALLYPORT_BOOTSTRAP_KEY: 'spk_boot_tooShort' })).toEqual([
      'SALLYPORT_BOOTSTRAP_KEY must be spk_ + id + _ + 43 characters of A-Z a-z 0-9 _ -',
    ]);
  });

  test('reads a secret from the file that …_FILE names, and refuses both at once', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'config-')), 'key');
    writeFileSync(file, `${key}\n`);
    expect(loadConfig({ SALLYPORT_BOOTSTRAP_KEY_FILE: file }).config.bootstrapKey).toBe(key);
    expect(problemsOf({ SALLYPORT_BOOTSTRAP_KEY_FILE: file, SALLYPORT_BOOTSTRAP_KEY: key })).toEqual([
      'SALLYPORT_BOOTSTRAP_KEY and SALLYPORT_BOOTSTRAP_KEY_FILE are both set; keep one',
    ]);
    expect(problemsOf({ SALLYPORT_BOOTSTRAP_KEY_FILE: '/nonexistent' })[0]).toContain(
      'cannot read /nonexistent',
    );
  });
});

test('what the log must not say are passwords and web addresses, and not the name of a database', () => {
  const password = `${randomUUID()}/1`;
  const { secrets } = loadConfig({
    SALLYPORT_DATABASE_URL: `postgres://owner:${encodeURIComponent(password)}@db:5432/sallyport`,
    SALLYPORT_APPROVAL_WEBHOOK: 'https://hooks.example/T0/secret-part',
  });
  expect(secrets).toEqual(expect.arrayContaining([password, '/T0/secret-part']));
  expect(secrets).not.toContain('/sallyport');
});
