import type { Confidence, LiteralDetector } from '../detector.ts';
import { secretDefaults } from '../detector.ts';
import { looksRandom } from '../randomness.ts';

export const bearerDetectors: readonly LiteralDetector[] = [
  {
    ...secretDefaults,
    id: 'jwt',
    title: 'JSON Web Token, signed',
    source: 'RFC 7519; RFC 7515 §7.1, compact serialisation',
    literals: ['eyJ'],
    format: {
      kind: 'pattern',
      pattern: /eyJ[A-Za-z0-9_-]{8,512}\.[A-Za-z0-9_-]{2,8192}\.[A-Za-z0-9_-]{16,1024}/y,
      alphabet: /[A-Za-z0-9_-]/,
      check: hasAlgorithm,
    },
    examples: {
      hit: [
        'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9' +
          '.eyJzdWIiOiIxMjM0NTY3ODkwIn0' +
          '.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U',
      ],
      miss: [
        'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.',
        'eyJ2ZXJzaW9uIjozLCJmaWxlIjoiYSJ9' +
          '.eyJzdWIiOiIxMjM0NTY3ODkwIn0' +
          '.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U',
        'eyJub3QganNvbg.aaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaa',
        '//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozfQ==',
      ],
    },
  },
  {
    ...secretDefaults,
    id: 'bearer-token',
    title: 'Token in an Authorization header: Bearer, Token, ApiKey, Bot, GenieKey, Splunk',
    source:
      'RFC 6750 §2.1: b64token; elastic.co, Authentication (ApiKey); docs.discord.com, Reference (Bot); support.atlassian.com, Opsgenie (GenieKey); docs.splunk.com, HTTP Event Collector (Splunk)',
    literals: ['uthorization', 'UTHORIZATION'],
    format: {
      kind: 'pattern',
      pattern:
        /uthorization(?:\\["']|[\s"'`:=,>]){1,12}(?:bearer|token|apikey|bot|geniekey|splunk)\s{1,4}(?:token=)?["']?(?<secret>[A-Za-z0-9._~+/-]{16,4096}={0,2})/iy,
      alphabet: /[A-Za-z0-9._~+/=-]/,
      check: looksRandom,
    },
    examples: {
      hit: [
        'Authorization: Bearer mF9x2Kd8Lq4Vt7Zb1Nc5',
        `curl -H 'authorization: bearer mF9x2Kd8Lq4Vt7Zb1Nc5'`,
        'Authorization: ApiKey VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==',
        'authorization: Token token="mF9x2Kd8Lq4Vt7Zb1Nc5"',
        '{"Authorization":"Bearer mF9x2Kd8Lq4Vt7Zb1Nc5"}',
        '{\\"Authorization\\":\\"Bearer mF9x2Kd8Lq4Vt7Zb1Nc5\\"}',
      ],
      miss: [
        'Authorization: Bearer ${process.env.TOKEN}',
        'Authorization: Bearer <your-access-token>',
        'Authorization: Bearer YOUR_ACCESS_TOKEN_HERE',
        'Authorization: Bearer tokens are described in RFC 6750',
        'the bearer of mF9x2Kd8Lq4Vt7Zb1Nc5',
      ],
    },
  },
];

/** The first part must decode to a JSON object that names an algorithm. */
function hasAlgorithm(token: string): Confidence | null {
  const header = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString('utf8');
  try {
    const parsed: unknown = JSON.parse(header);
    const named =
      typeof parsed === 'object' && parsed !== null && 'alg' in parsed && typeof parsed.alg === 'string';
    return named ? 'high' : null;
  } catch {
    return null;
  }
}
