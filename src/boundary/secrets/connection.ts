import type { Confidence, LiteralDetector } from '../detector.ts';
import { inParts } from '../detector.ts';
import { standsWithin } from '../look-ahead.ts';
import { entropyBits } from '../randomness.ts';
import { token } from './token.ts';

/** Passwords in URLs, connection strings and the files of command-line clients. Only the password goes. */
export const connectionDetectors: readonly LiteralDetector[] = [
  token({
    id: 'url-password',
    title: 'Password in a URL or connection string',
    source: 'RFC 3986 §3.2.1, userinfo; URI forms of PostgreSQL, MySQL, MongoDB, Redis, AMQP and others',
    literals: ['://'],
    pattern: /:\/\/[^\s/:@"'<>{}()[\]]{0,128}:(?<secret>[^\s/@"'<>]{3,256})(?=@[A-Za-z0-9.[-])/y,
    mayMatch: standsWithin({
      oneOf: ':',
      notPast: '\t\n\v\f\r /@"\'<>{}()[]',
      from: 3,
      unitsMax: 3 + 128 + 1,
    }),
    alphabet: /@@/,
    check: looksLikePassword,
    hit: [
      inParts('postgres://app:', 'q7Lm2VtR9x', '@db.example.com:5432/app'),
      inParts('https://user:', 'correct-horse-battery', '@example.com/path'),
      inParts('redis://:', 'Kd4WfYb8Nz', '@cache:6379'),
      inParts('mongodb+srv://admin:', 'Pc3HsGj6Te1u', '@cluster0.abcde.mongodb.net/?retryWrites=true'),
    ],
    miss: [
      'https://user:password@example.com',
      'https://example.com:8080/@scope/package',
      'postgres://user:${PASSWORD}@host/db',
      'https://user:<password>@host',
      'ssh://git@example.com:22/repo',
      'http://a:b@c',
      'https://user:xxxxxx@example.com',
      'postgres://postgres:postgres@localhost/test',
      'mysql://root:%s@%s/%s',
    ],
  }),
  token({
    id: 'connection-string-password',
    title: 'Password in a keyword connection string',
    source: 'learn.microsoft.com, ADO.NET connection strings; PostgreSQL libpq §34.1.1.1; JDBC URLs',
    literals: ['Password=', 'Pwd='],
    pattern: /(?:password|pwd)=(?<secret>(?:[^\s;"'<>&\\]|\\(?![nrtux"'])){6,128})(?=[;&"'\s\\])/iy,
    mayMatch: standsWithin({ oneOf: '\t\n\v\f\r ;"\'<>&\\', orBeyondAscii: true, unitsMax: 9 + 128 + 1 }),
    alphabet: /@@/,
    check: looksLikePassword,
    hit: [
      inParts('Server=db;Database=app;User Id=sa;Password=', 'q7Lm2VtR9x', ';Encrypt=true'),
      inParts('jdbc:postgresql://db/app?user=app&password=', 'Kd4WfYb8Nz', '&ssl=true'),
      inParts('Server=db;Password=', 'q7Lm2VtR9x', '\\nat Connection.open'),
    ],
    miss: [
      'Password=<password>;',
      'User Id=sa;Password=${DB_PASSWORD};',
      'password=password;',
      'pwd=$(pwd);',
      'password=getPassword(user);',
      'Password=q7Lm2VtR\\9xKd4W;',
    ],
  }),
  token({
    id: 'basic-auth-header',
    title: 'Basic credentials in an Authorization header',
    source: 'RFC 7617 §2: base64 of user, colon, password',
    literals: ['basic '],
    pattern: /basic {1,4}(?<secret>[A-Za-z0-9+/]{8,512}={0,2})/iy,
    alphabet: /[A-Za-z0-9+/=]/,
    check: holdsCredentials,
    hit: [
      inParts('Authorization: Basic ', 'YWRtaW46cTdMbTJWdFI5eA=='),
      inParts(`curl -H 'authorization: basic `, `dXNlcjpLZDRXZlliOE56'`),
    ],
    miss: [
      'Authorization: Basic <credentials>',
      'basic authentication',
      'a basic understanding of it',
      'Basic QWxhZGRpbg==',
    ],
  }),
  token({
    id: 'netrc-password',
    title: 'Password in a netrc line',
    source: 'GNU inetutils manual, The .netrc file: machine, login, password',
    literals: ['machine '],
    pattern:
      /machine\s{1,4}[^\s]{1,128}\s{1,8}login\s{1,4}[^\s]{1,128}\s{1,8}password\s{1,4}(?<secret>[^\s]{4,256})/y,
    alphabet: /@@/,
    check: looksLikePassword,
    hit: [inParts('machine api.example.com login ci password ', 'q7Lm2VtR9x')],
    miss: ['machine learning login', 'machine api.example.com login ci password <password>'],
  }),
];

const stopWords =
  /^(?:.{0,3}|password|passwort|passwd|pass(?:word)?123|pass|secret|changeme|change_me|example|redacted|postgres|mysql|mongo|root|admin|user|guest|test|testing|foobar|hunter2|p[a@]ssw[o0]rd1?|your.{0,24}|my.{0,3}pass.{0,8}|[x*.#-]{1,64}|null|none|undefined|true|false|token|key)$/i;

/** Not a placeholder, a template, a call, or a word that stands in every manual. */
export function looksLikePassword(secret: string): Confidence | null {
  const isTemplate = /[${}<>()|\\]|%[sdv]|\[\w|\.\.\.|^%[A-Za-z_]+%$|^:|REDACTED/.test(secret);
  if (isTemplate || stopWords.test(secret)) return null;
  return entropyBits(secret) >= 2 ? 'medium' : null;
}

function holdsCredentials(encoded: string): Confidence | null {
  const text = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = text.indexOf(':');
  const isReadable = /^[\x20-\x7e\xa0-\xff]+$/.test(text);
  return isReadable && colon >= 0 && looksLikePassword(text.slice(colon + 1)) !== null ? 'high' : null;
}
