import { describe, expect, test } from 'vitest';
import { createBoundary } from '../../src/boundary/boundary.ts';
import type { JsonValue } from '../../src/model/json.ts';
import {
  buildBoundary,
  bytes,
  filterStdout,
  githubPlaceholder,
  githubToken,
  output,
  profile,
  redactionKey,
} from './support/filter.ts';

describe('output', () => {
  test('a secret becomes a placeholder wherever it stands, and the report names the places', () => {
    const { report, blocked, result, error, stdout, stderr } = buildBoundary().filterOutput(
      output({
        result: { env: { TOKEN: githubToken } },
        error: {
          name: 'Error',
          message: `401 for ${githubToken}`,
          stack: `Error: 401 for ${githubToken}\n at run`,
        },
        stdout: bytes(`ä token ${githubToken}\n`),
        stderr: bytes(githubToken),
      }),
      [],
    );

    expect(blocked).toBe(false);
    expect(result).toEqual({ env: { TOKEN: githubPlaceholder } });
    expect(error).toEqual({
      name: 'Error',
      message: `401 for ${githubPlaceholder}`,
      stack: `Error: 401 for ${githubPlaceholder}\n at run`,
    });
    expect(stdout).toBe(`ä token ${githubPlaceholder}\n`);
    expect(stderr).toBe(githubPlaceholder);
    expect(report).toEqual({
      verdict: 'redacted',
      scanned: ['secrets', 'pii', 'exfiltration', 'injection', 'unicode'],
      findings: ['/result/env/TOKEN', '/error/message', '/error/stack', 'stdout@9', 'stderr@0'].map(
        (where) => ({
          detector: 'github-token',
          action: 'redact',
          where,
          count: 1,
          confidence: 'high',
          via: [],
        }),
      ),
    });
  });

  test('clean output comes back as it was', () => {
    const result = { rows: [{ id: 'c0ffee', sum: 12.5, ok: true, none: null }] };
    const error = { name: 'Error', message: 'no such file' };

    const filtered = buildBoundary().filterOutput(output({ result, error, stdout: bytes('done\n') }), []);

    expect(filtered).toEqual({
      report: {
        verdict: 'clean',
        findings: [],
        scanned: ['secrets', 'pii', 'exfiltration', 'injection', 'unicode'],
      },
      blocked: false,
      result,
      error,
      stdout: 'done\n',
      stderr: '',
      artifacts: [],
    });
    expect(filtered.result).toBe(result);
  });

  test('hits of one stream are one finding with a count, at the first byte offset', () => {
    const { report } = filterStdout(`é ${githubToken} ${githubToken}\n${githubToken}`);

    expect(report.findings).toMatchObject([{ where: 'stdout@3', count: 3 }]);
  });

  test('bytes that are no UTF-8 become U+FFFD and hide nothing', () => {
    const broken = new Uint8Array([0xff, ...bytes(githubToken), 0xc3]);

    const { stdout } = buildBoundary().filterOutput(output({ stdout: broken }), []);

    expect(stdout).toBe(`\ufffd${githubPlaceholder}\ufffd`);
  });

  test('lone surrogates become U+FFFD, in keys too', () => {
    const { result } = buildBoundary().filterOutput(output({ result: { '\ud800k': 'a\udfffb' } }), []);

    expect(result).toEqual({ '\ufffdk': 'a\ufffdb' });
  });

  test('an escape sequence inside a secret does not hide it', () => {
    const split = `${githubToken.slice(0, 9)}\u001b[31m${githubToken.slice(9, 20)}\u200b${githubToken.slice(20)}`;

    const { stdout, report } = filterStdout(`a ${split} b`);

    expect(stdout).toBe(`a ${githubPlaceholder} b`);
    expect(report.findings.map(({ detector }) => detector)).toEqual([
      'github-token',
      'ansi-escape',
      'zero-width',
    ]);
  });

  test('a secret that ends where invisible text goes on is found in the text as it stands', () => {
    const keyId = ['AKIA', 'Y34FZKBOKMUTVV7A'].join('');

    const { stdout } = filterStdout(`a ${keyId}\u200bMORE`);

    expect(stdout).toMatch(/^a \[REDACTED:aws-access-key-id:[0-9a-f]{4}\]MORE$/);
  });

  test('a secret spelled in tag characters is found through them', () => {
    const hidden = String.fromCodePoint(...[...githubToken].map((letter) => 0xe0000 + letter.charCodeAt(0)));

    const { stdout, report } = filterStdout(`a${hidden}b`);

    expect(stdout).toBe(`a${githubPlaceholder}b`);
    expect(report.findings).toMatchObject([
      { detector: 'unicode-tag', via: [] },
      { detector: 'github-token', via: ['unicode-tag'] },
    ]);
  });

  test('a token that another detector sees inside a header is reported once, under the surer name', () => {
    const { stdout, report } = filterStdout(`Authorization: Bearer ${githubToken}`);

    expect(stdout).toBe(`Authorization: Bearer ${githubPlaceholder}`);
    expect(report.findings).toMatchObject([{ detector: 'github-token', count: 1 }]);
  });

  test('a GitHub token without its checksum is less sure and redacted all the same', () => {
    const { stdout, report } = filterStdout(`${githubToken.slice(0, -1)}8`);

    expect(stdout).toMatch(/^\[REDACTED:github-token:[0-9a-f]{4}\]$/);
    expect(report.findings).toMatchObject([{ detector: 'github-token', confidence: 'medium' }]);
  });
});

test('a GitHub token that its checksum proves is found inside a longer word', () => {
  expect(filterStdout(`x${githubToken}token=`).stdout).toBe(`x${githubPlaceholder}token=`);
  expect(filterStdout(`x${githubToken.slice(0, -1)}8`).report.verdict).toBe('clean');
  expect(filterStdout(`${githubToken.slice(0, -1)}8token=`).report.verdict).toBe('clean');
});

describe('profiles', () => {
  test('an action that blocks withholds everything', () => {
    const filtered = buildBoundary().filterOutput(
      output({
        result: { fine: true },
        stdout: bytes(githubToken),
        artifacts: [{ name: 'a', mediaType: 'text/plain', data: bytes('a') }],
      }),
      [profile('outbound', { 'github-token': 'block' })],
    );

    expect(filtered).toEqual({
      report: {
        verdict: 'blocked',
        findings: [
          {
            detector: 'github-token',
            action: 'block',
            where: 'stdout@0',
            count: 1,
            confidence: 'high',
            via: [],
          },
        ],
        scanned: ['secrets', 'pii', 'exfiltration', 'injection', 'unicode'],
      },
      blocked: true,
      result: null,
      error: null,
      stdout: '',
      stderr: '',
      artifacts: [],
    });
  });

  test.each([
    ['allow', 'clean'],
    ['flag', 'flagged'],
    ['wrap', 'wrapped'],
  ] as const)('the action %s leaves the text and makes the verdict %s', (action, verdict) => {
    const { stdout, report } = filterStdout(githubToken, [profile('outbound', { 'github-token': action })]);

    expect(stdout).toBe(githubToken);
    expect(report.verdict).toBe(verdict);
  });

  test('what is flagged beside something redacted is counted once', () => {
    const { report } = filterStdout(`pass\u200bword ${githubToken}`, [
      profile('outbound', { 'zero-width': 'flag' }),
    ]);

    expect(report.findings).toMatchObject([
      { detector: 'zero-width', action: 'flag', count: 1 },
      { detector: 'github-token', action: 'redact', count: 1 },
    ]);
  });

  test('of several profiles the strictest action for a detector counts', () => {
    const lenient = profile('outbound', { 'github-token': 'allow' });
    const silent = profile('outbound', {});

    expect(filterStdout(githubToken, [lenient, silent]).report.verdict).toBe('redacted');
    expect(filterStdout(githubToken, [lenient, lenient]).report.verdict).toBe('clean');
    expect(
      filterStdout(githubToken, [profile('outbound', { 'github-token': 'block' }), lenient]).blocked,
    ).toBe(true);
  });

  test('a star stands for every detector that is not named', () => {
    const observing = profile('outbound', { '*': 'flag', 'zero-width': 'redact' });

    const { stdout, report } = filterStdout(`a\u200bb ${githubToken}`, [observing]);

    expect(stdout).toBe(`ab ${githubToken}`);
    expect(report.findings).toMatchObject([
      { detector: 'zero-width', action: 'redact' },
      { detector: 'github-token', action: 'flag' },
    ]);
  });

  test('an allowed detector leaves the text to a less sure one', () => {
    const { report } = filterStdout(`Authorization: Bearer ${githubToken}`, [
      profile('outbound', { 'github-token': 'allow' }),
    ]);

    expect(report.findings).toMatchObject([{ detector: 'bearer-token', action: 'redact' }]);
  });
});

describe('arguments', () => {
  test('a secret is flagged and the copy for the record is redacted', () => {
    const args = { url: 'https://example.com', headers: { Authorization: `token ${githubToken}` } };

    const checked = buildBoundary().checkArguments(args, []);

    expect(checked).toEqual({
      report: {
        verdict: 'flagged',
        findings: [
          {
            detector: 'github-token',
            action: 'flag',
            where: '/headers/Authorization',
            count: 1,
            confidence: 'high',
            via: [],
          },
        ],
        scanned: ['secrets', 'pii', 'exfiltration', 'injection', 'unicode'],
      },
      blocked: false,
      forRecord: { url: 'https://example.com', headers: { Authorization: `token ${githubPlaceholder}` } },
    });
    expect(args.headers.Authorization).toBe(`token ${githubToken}`);
  });

  test.each(['redact', 'wrap'] as const)(
    'a profile that says %s acts as flag, because arguments are never rewritten',
    (action) => {
      const { report, blocked } = buildBoundary().checkArguments(
        [githubToken],
        [profile('inbound', { 'github-token': action })],
      );

      expect(report.verdict).toBe('flagged');
      expect(report.findings).toMatchObject([{ action: 'flag' }]);
      expect(blocked).toBe(false);
    },
  );

  test('a profile can block, and the record still holds no secret', () => {
    const checked = buildBoundary().checkArguments({ code: githubToken }, [
      profile('inbound', { 'github-token': 'block' }),
    ]);

    expect(checked.blocked).toBe(true);
    expect(checked.forRecord).toEqual({ code: githubPlaceholder });
  });

  test('what a profile allows is still kept out of the record', () => {
    const checked = buildBoundary().checkArguments({ code: githubToken }, [
      profile('inbound', { 'github-token': 'allow' }),
    ]);

    expect(checked.report.verdict).toBe('clean');
    expect(checked.forRecord).toEqual({ code: githubPlaceholder });
  });
});

describe('limits', () => {
  function nested(depth: number): JsonValue {
    let value: JsonValue = githubToken;
    for (let level = 0; level < depth; level++) value = [value];
    return value;
  }

  test.each([129, 100_000])(
    'JSON %i levels deep is blocked, never overflowed and never recorded',
    (depth) => {
      const boundary = buildBoundary();
      const finding = {
        detector: 'input-too-deep',
        action: 'block',
        where: '',
        count: 1,
        confidence: 'high',
        via: [],
      };

      const filtered = boundary.filterOutput(output({ result: nested(depth) }), []);
      const checked = boundary.checkArguments(nested(depth), []);

      expect(filtered).toMatchObject({
        blocked: true,
        result: null,
        report: { verdict: 'blocked', findings: [finding] },
      });
      expect(checked).toMatchObject({ blocked: true, forRecord: '[WITHHELD:input-too-deep]' });
    },
  );

  test('JSON 128 levels deep is filtered', () => {
    const { result, blocked } = buildBoundary().filterOutput(output({ result: nested(128) }), []);

    expect(blocked).toBe(false);
    expect(JSON.stringify(result)).toContain(githubPlaceholder);
  });

  test('more text than the limit is blocked', () => {
    const long = 'a'.repeat(64 * 1024 * 1024);

    const { blocked, report } = buildBoundary().filterOutput(output({ result: [long, long, 'a'] }), []);

    expect(blocked).toBe(true);
    expect(report.findings).toMatchObject([{ detector: 'input-too-large', action: 'block' }]);
  });

  test('a binary artifact counts as well', () => {
    const data = new Uint8Array(128 * 1024 * 1024 + 1);

    const { blocked } = buildBoundary().filterOutput(
      output({ artifacts: [{ name: 'disk.img', mediaType: 'application/octet-stream', data }] }),
      [],
    );

    expect(blocked).toBe(true);
  });

  test('findings beyond the cap are merged at the empty pointer and none is lost', () => {
    const { report } = buildBoundary().filterOutput(
      output({ result: Array.from({ length: 300 }, () => `x ${githubToken} `) }),
      [],
    );

    expect(report.findings.length).toBe(201);
    expect(report.findings.at(-1)).toMatchObject({ where: '', count: 100 });
    expect(report.findings.reduce((sum, { count }) => sum + count, 0)).toBe(300);
  });
});

describe('placeholders', () => {
  test('equal secrets get equal suffixes, and another key gives others', () => {
    const other = createBoundary({ redactionKey: new Uint8Array(32).fill(8), knownSecrets: [] });

    expect(buildBoundary().redactText(`${githubToken} ${githubToken}`)).toBe(
      `${githubPlaceholder} ${githubPlaceholder}`,
    );
    expect(other.redactText(githubToken)).not.toBe(githubPlaceholder);
  });

  test('a short key is refused', () => {
    expect(() => createBoundary({ redactionKey: redactionKey.subarray(0, 15), knownSecrets: [] })).toThrow(
      'redactionKey: use at least 16 random bytes',
    );
  });
});

test('log lines and records lose secrets and what hides in them', () => {
  const boundary = buildBoundary();

  expect(boundary.redactText(`GET /?token=${githubToken}\u001b[0m`)).toBe(`GET /?token=${githubPlaceholder}`);
  expect(boundary.redactForRecord({ [githubToken]: [1, `\u202e${githubToken}`] })).toEqual({
    [githubPlaceholder]: [1, githubPlaceholder],
  });
});
