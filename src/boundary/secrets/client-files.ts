import type { Confidence, LiteralDetector } from '../detector.ts';
import { inParts } from '../detector.ts';
import { entropyBits, notFiller } from '../randomness.ts';
import { looksLikePassword } from './connection.ts';
import { sample } from './sample.ts';
import { token } from './token.ts';

/** Secrets in the files and commands of clients: registries, VPNs, SSH, web servers, and the hashes that systems keep of passwords. */
export const clientFileDetectors: readonly LiteralDetector[] = [
  token({
    id: 'docker-config-auth',
    title: 'Registry credentials in a Docker or npm configuration',
    source:
      'docs.docker.com, docker login, config.json, auths.*.auth; docs.npmjs.com, .npmrc, _auth: base64 of user:password',
    literals: ['"auth"', '_auth', '\\"auth\\"'],
    pattern: /(?:\\?"auth\\?"|_auth)\s{0,4}[:=]\s{0,4}(?:\\?["'])?(?<secret>[A-Za-z0-9+/]{12,2048}={0,2})/y,
    alphabet: /[A-Za-z0-9+/=]/,
    check: holdsUserAndPassword,
    hit: [
      `{"auths":{"ghcr.io":{"auth":"${Buffer.from('ada:q7Lm2VtR9x').toString('base64')}"}}}`,
      `//registry.example/:_auth=${Buffer.from('ada:q7Lm2VtR9x').toString('base64')}`,
    ],
    miss: ['"auth": "dXNlcm5hbWU="', '"auth": "required"', '_auth=${NPM_AUTH}'],
  }),
  token({
    id: 'wireguard-key',
    title: 'WireGuard private or preshared key',
    source: 'wireguard.com, wg(8), CONFIGURATION FILE FORMAT: 32 bytes in base64',
    literals: ['privatekey', 'presharedkey'],
    pattern: /(?:private|preshared)key\s{0,4}=\s{0,4}(?<secret>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)/iy,
    alphabet: /[A-Za-z0-9+/=]/,
    hit: [`[Interface]\nPrivateKey = ${sample('base62', 42)}A=`],
    miss: ['PrivateKey = <key>', `PrivateKey = ${'A'.repeat(43)}=`, `PublicKey = ${sample('base62', 42)}A=`],
  }),
  token({
    id: 'putty-private-key',
    title: 'PuTTY private key, its secret part',
    source: 'the.earth.li/~sgtatham/putty, PPK file format: Private-Lines and base64',
    literals: ['Private-Lines:'],
    pattern: /Private-Lines: [0-9]{1,3}(?:\\r|\r)?(?:\\n|\n)(?<secret>[A-Za-z0-9+/=\r\n\\]{40,16384})/y,
    alphabet: /\0/,
    hit: [`Private-Lines: 1\n${sample('base62', 64)}\nPrivate-MAC: ${sample('hex', 40)}`],
    miss: ['Private-Lines: 14', `Private-Lines: 1\n${'A'.repeat(64)}`],
  }),
  token({
    id: 'jwk-private-key',
    title: 'JSON Web Key with its private part',
    source: 'RFC 7518 §6.2.2.1, §6.3.2.1; RFC 8037 §2: "d", base64url',
    literals: ['"d"', '\\"d\\"'],
    pattern: /\\?"d\\?"\s{0,4}:\s{0,4}\\?"(?<secret>[A-Za-z0-9_-]{43,1400})/y,
    alphabet: /[A-Za-z0-9_-]/,
    check: (value) => (/[0-9]/.test(value) && entropyBits(value) >= 4.5 ? 'high' : null),
    hit: [`{"kty":"EC","crv":"P-256","x":"${sample('base62', 43, 2)}","d":"${sample('base62', 43)}"}`],
    miss: ['{"d":"M12 2C6.48 2 2 6.48 2 12s4.48 10 10 10"}', `{"d":"${'A'.repeat(43)}"}`],
  }),
  token({
    id: 'password-hash',
    title: 'Hash of a password',
    source:
      'crypt(5): $1$, $5$, $6$, $y$, $2b$; PHC string format: $argon2; Apache httpd, Password Formats: $apr1$',
    literals: ['$1$', '$5$', '$6$', '$y$', '$2a$', '$2b$', '$2y$', '$apr1$', '$argon2'],
    pattern:
      /(?<secret>\$(?:2[aby]\$[0-9]{2}\$[A-Za-z0-9./]{53}|(?:1|apr1)\$[A-Za-z0-9./]{4,8}\$[A-Za-z0-9./]{22}|5\$(?:rounds=[0-9]{1,9}\$)?[A-Za-z0-9./]{4,16}\$[A-Za-z0-9./]{43}|6\$(?:rounds=[0-9]{1,9}\$)?[A-Za-z0-9./]{4,16}\$[A-Za-z0-9./]{86}|y\$[A-Za-z0-9./]{1,12}\$[A-Za-z0-9./]{8,64}\$[A-Za-z0-9./]{43}|argon2(?:id|i|d)\$v=[0-9]{2}\$m=[0-9]{1,9},t=[0-9]{1,9},p=[0-9]{1,9}\$[A-Za-z0-9+/]{8,64}\$[A-Za-z0-9+/]{22,128}))/y,
    alphabet: /[A-Za-z0-9./]/,
    hit: [
      `root:$6$${sample('base62', 16)}$${sample('base62', 86)}:19700:0:99999:7:::`,
      `ada:$2y$10$${sample('base62', 53)}`,
      `$argon2id$v=19$m=65536,t=3,p=4$${sample('base62', 22)}$${sample('base62', 43)}`,
    ],
    miss: ['cost is $6$ or $7$', `$2b$10$${'x'.repeat(53)}`],
  }),
  token({
    id: 'command-line-password',
    title: 'Password on a command line',
    source: 'curl(1), -u; sshpass(1), -p; openssl(1), -passin pass:; redis-cli, -a',
    literals: ['curl ', 'sshpass -p', 'passin pass:', 'passout pass:', 'redis-cli '],
    pattern:
      /(?:curl(?:(?! -u| --user)[^\n|;[\]]){0,80} (?:-u|--user)[ =]{1,2}["']?[^\s:"']{1,64}:|sshpass -p ?["']?|pass(?:in|out) pass:|redis-cli(?:(?! -a )[^\n|;[\]]){0,40} -a ["']?)(?<secret>[^\s"'@[\]]{6,128})/y,
    mayMatch: (codes, at) => codes[at] !== 0x63 || namesUser(codes, at),
    alphabet: /\0/,
    check: looksLikePassword,
    hit: [
      inParts(`curl -sS -u 'ada:`, `q7Lm2VtR9x' https://api.example.com`),
      inParts('curl --user ada:', 'q7Lm2VtR9x https://api.example.com'),
      inParts('sshpass -p ', 'q7Lm2VtR9x ssh ada@host'),
      inParts('openssl pkcs12 -in a.p12 -passin pass:', 'q7Lm2VtR9x'),
    ],
    miss: [
      'curl -u user:password https://example.com',
      'curl -u "$USER:$PASS" https://example.com',
      'curl --user-agent x https://example.com/a:b',
      'pass: true',
    ],
  }),
];

const userFlagUnitsMax = 'curl'.length + 80 + ' -u'.length;

/** Whether `curl` comes to ` -u` or ` --user` in the same command. */
function namesUser(codes: Uint8Array, at: number): boolean {
  const end = Math.min(codes.length, at + userFlagUnitsMax);
  for (let next = at; next < end; next++) {
    const code = codes[next] as number;
    if (code === 0x20 && codes[next + 1] === 0x2d) {
      const flag = codes[next + 2];
      if (flag === 0x75 || flag === 0x2d) return true;
    } else if (endsCommand[code] === 1) return false;
  }
  return false;
}

const endsCommand = new Uint8Array(256);
for (const character of '\n|;[]') endsCommand[character.charCodeAt(0)] = 1;

function holdsUserAndPassword(encoded: string): Confidence | null {
  const text = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = text.indexOf(':');
  const isReadable = /^[\u0020-\u007e]+$/.test(text);
  return isReadable && colon > 0 && text.length - colon > 3 ? notFiller(text) : null;
}
