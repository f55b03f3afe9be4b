import type { Confidence, LiteralDetector } from '../detector.ts';
import { inParts } from '../detector.ts';
import { entropyBits } from '../randomness.ts';
import { sample, sampleUuid } from './sample.ts';
import { separators, token } from './token.ts';

/** What looks like a secret and stands where secrets stand. Less sure than a format, so it is reported, not taken out. */
export const genericDetectors: readonly LiteralDetector[] = [
  {
    ...token({
      id: 'generic-secret',
      title: 'Random value assigned to something named like a secret',
      source: 'no vendor: names of variables and headers, and the entropy of what follows',
      literals: [
        'password',
        'passwd',
        'passphrase',
        'secret',
        'api_key',
        'api-key',
        'apikey',
        'access_key',
        'accesskey',
        'private_key',
        'privatekey',
        'auth_token',
        'authtoken',
        'access_token',
        'accesstoken',
        'refresh_token',
        'refreshtoken',
        'credential',
        'encryption_key',
        'signing_key',
        'client_secret',
      ],
      pattern: new RegExp(
        `(?i:passw(?:or)?d|passphrase|secret|(?:api|access|private|encryption|signing)[_-]?key|(?:auth|access|refresh)_?token|credential|client_secret)[\\w-]{0,24}${separators}(?<secret>[^\\s"'\`,;<>(){}\\[\\]]{10,128})`,
        'y',
      ),
      alphabet: /@@/,
      check: looksGenerated,
      hit: [
        inParts('db_password = "', 'q7Lm2VtR9xKd4WfY', '"'),
        inParts('API_KEY=', sample('base62', 40)),
        inParts('"clientSecret": "', sample('base62', 32), '"'),
        inParts('x-api-key: ', sample('hex', 40)),
      ],
      miss: [
        'password = "correct horse"',
        'password: process.env.DB_PASSWORD,',
        'secretName: kubernetes.io/service-account',
        `access_key_id: ${sampleUuid()}`,
        'apiKey: config.get("apiKey").toString()',
        'API_KEY=your-api-key-goes-here-1234',
        'const accessTokenExpirationTimeInMilliseconds = 3600000',
        'password_hash: sha256:abcdefabcdefabcdefabcdefabcdef',
        'secret: ************1234',
        'secret=/run/secrets/warehouse_2024',
        'private_key_path=/etc/ssl/private/key0001.pem',
      ],
    }),
    outbound: 'flag',
  },
];

const notSecrets =
  /example|sample|dummy|placeholder|your|change|redacted|process\.env|config|secret|password|token|test|fake|\.\.\.|\$|\*{2}|xxx|^[a-z]+(?:[._:/-][a-z]+)*$|^\/|^\.|^https?:|^(?:sha\d+|md5)[:-]|=>|\(|::|\|\||&&/i;
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Mixed characters and as much entropy as random text of that length has, no identifier, path, UUID or template. */
function looksGenerated(secret: string): Confidence | null {
  if (notSecrets.test(secret) || uuid.test(secret)) return null;
  const hasDigit = /[0-9].*[0-9]/.test(secret);
  const hasLetter = /[A-Za-z]/.test(secret);
  if (!hasDigit || !hasLetter) return null;
  const isHex = /^[0-9a-f]+$/i.test(secret);
  if (isHex) return secret.length >= 32 && entropyBits(secret) >= 3 ? 'low' : null;
  // Not more for longer values: one that repeats would be found only once it is cut short.
  const reachable = Math.log2(Math.min(secret.length, 32));
  return entropyBits(secret) >= 0.8 * reachable && entropyBits(secret) >= 3 ? 'low' : null;
}
