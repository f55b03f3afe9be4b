/** Every environment variable that Sallyport reads: name, meaning, default and how its text becomes a value. */

import { scopes } from '../model/principal.ts';
import type { Scope } from '../model/principal.ts';

export interface Variable<T> {
  readonly name: string;
  readonly describes: string;
  /** Text used when the variable is unset; null: optional, the value is then null. */
  readonly default: string | null;
  readonly secret: boolean;
  /** Throws an Error whose message says what a good value looks like. */
  readonly parse: (text: string) => T;
}

function variable<T>(
  name: string,
  describes: string,
  fallback: string | null,
  parse: (text: string) => T,
  options: { secret?: boolean } = {},
): Variable<T> {
  return { name, describes, default: fallback, secret: options.secret ?? false, parse };
}

function text(pattern: RegExp, wanted: string): (text: string) => string {
  return (value) => {
    if (!pattern.test(value)) throw new Error(`must be ${wanted}`);
    return value;
  };
}

function integer(min: number, max: number): (text: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d{1,15}$/.test(value) || number < min || number > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`);
    }
    return number;
  };
}

const byteUnits: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function bytes(min: number, max: number): (text: string) => number {
  return (value) => {
    const match = /^(\d{1,12}) ?(KiB|MiB|GiB|)$/.exec(value);
    const size = match === null ? Number.NaN : Number(match[1]) * (byteUnits[match[2] ?? ''] ?? Number.NaN);
    if (!(size >= min && size <= max)) {
      throw new Error(`must be a number of bytes from ${min} to ${max}, for example 1MiB`);
    }
    return size;
  };
}

function oneOf<const T extends string>(...values: readonly T[]): (text: string) => T {
  return (value) => {
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw new Error(`must be one of ${values.join(', ')}`);
    return found;
  };
}

function pathList(value: string): readonly string[] {
  const parts = value.split(':');
  if (parts.some((part) => part === '')) throw new Error('must be a list of directories separated by ":"');
  return parts;
}

function path(value: string): string {
  if (!/^[^\0]{1,4096}$/.test(value)) throw new Error('must be a path');
  return value;
}

function publicUrl(value: string): URL {
  const url = URL.parse(value);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || `${url.origin}/` !== url.href)
    throw new Error(
      'must be an http:// or https:// URL without a path, for example https://tools.example.com',
    );
  return url;
}

/** The message holds nothing of the text: that may hold a password. */
function redisUrl(value: string): string {
  const isUrl = URL.canParse(value) && /^rediss?:\/\/[^/]/.test(value);
  if (!isUrl) throw new Error('must be redis://host:port or rediss://user:password@host:port/database');
  return value;
}

/** The message holds nothing of the text: that may hold a password. */
function postgresUrl(value: string): string {
  const isUrl = URL.canParse(value) && /^postgres(?:ql)?:\/\/./.test(value);
  if (!isUrl) throw new Error('must be postgres://user:password@host:port/database');
  return value;
}

function key256(value: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(value)) throw new Error('must be 32 bytes in hex (openssl rand -hex 32)');
  return Buffer.from(value, 'hex');
}

/** The key that signs; after a comma the one before it, which hands over. */
function signingKeys(value: string): { readonly key: Uint8Array; readonly previous: Uint8Array | null } {
  const [key = '', previous, ...more] = value.split(',').map((part) => part.trim());
  if (more.length > 0) throw new Error('must be one key, or the new and the old one separated by ","');
  return { key: key256(key), previous: previous === undefined ? null : key256(previous) };
}

function anchorList(value: string) {
  return value.split(',').map((part) => {
    const file = /^file:(\/.{1,4096})$/.exec(part.trim())?.[1];
    if (file !== undefined) return { kind: 'file', path: file } as const;
    const syslog = /^syslog:\/\/(\[[0-9a-fA-F:.]+\]|[\w.-]{1,255}):(\d{1,5})$/.exec(part.trim());
    if (syslog === null)
      throw new Error('must be file:/path or syslog://host:port, or a list of them separated by ","');
    const [, host = '', port] = syslog;
    return { kind: 'syslog', host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) } as const;
  });
}

function webhookUrl(value: string): URL {
  const url = URL.parse(value);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hash !== '')
    throw new Error('must be an http:// or https:// URL without a fragment');
  if (url.username !== '' || url.password !== '')
    throw new Error('must hold no user and password: messages are signed instead');
  return url;
}

/** The addresses themselves are parsed where they are dialled. */
function runnerList(value: string): readonly string[] {
  const parts = value.split(',').map((part) => part.trim());
  if (parts.some((part) => !/^(unix:\/|tls:\/\/).+$/.test(part)))
    throw new Error('must be unix:/path or tls://host:port, or a list of them separated by ","');
  return parts;
}

function issuerUrl(value: string): string {
  const url = URL.parse(value);
  const isLocal = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url === null || (url.protocol !== 'https:' && !isLocal) || url.search !== '' || url.hash !== '')
    throw new Error('must be an https:// URL without query and fragment, as it stands in the tokens');
  return value;
}

function scopeMap(value: string): ReadonlyMap<Scope, readonly string[]> {
  const wanted = 'must be scope=role|role, separated by ",", for example call=*,audit=auditor|security';
  const map = new Map<Scope, readonly string[]>();
  for (const part of value.split(',')) {
    const [, name, roles = ''] = /^\s*([a-z]+)\s*=\s*(\*|[A-Za-z0-9_|-]+)\s*$/.exec(part) ?? [];
    const scope = scopes.find((candidate) => candidate === name);
    if (scope === undefined || map.has(scope)) throw new Error(`${wanted}; scopes are ${scopes.join(', ')}`);
    const given = roles.split('|');
    if (given.includes('')) throw new Error(wanted);
    map.set(scope, given);
  }
  return map;
}

function hostAndPort(value: string): { readonly host: string; readonly port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[\w.-]{1,255}):(\d{1,5})$/.exec(value);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) throw new Error('must be host:port, for example 127.0.0.1:9464');
  return { host: (match[1] ?? '').replace(/^\[(.*)\]$/, '$1'), port };
}

function addressList(value: string): readonly string[] {
  const parts = value.split(',').map((part) => part.trim());
  if (parts.some((part) => !/^[0-9a-fA-F.:]+(\/\d{1,3})?$/.test(part))) {
    throw new Error('must be a list of addresses or CIDR ranges separated by ","');
  }
  return parts;
}

/** API keys: `spk_` + id + `_` + 43 characters of base64url (256 bits). */
export const apiKeyPattern = /^spk_([a-z0-9]{4,32})_([A-Za-z0-9_-]{43})$/;

const kib = 1024;
const mib = 1024 ** 2;
const gib = 1024 ** 3;

export const variables = {
  host: variable(
    'SALLYPORT_HOST',
    'address to listen on',
    '127.0.0.1',
    text(/^[\w.:-]{1,255}$/, 'an address or host name'),
  ),
  port: variable('SALLYPORT_PORT', 'port to listen on; 0 picks a free one', '8080', integer(0, 65535)),
  dataDir: variable('SALLYPORT_DATA_DIR', 'where the record and the first keys live', './data', path),
  policyDirs: variable(
    'SALLYPORT_POLICY_DIR',
    'policy directories, separated by ":"',
    './policies',
    pathList,
  ),
  publicUrl: variable(
    'SALLYPORT_PUBLIC_URL',
    'where clients reach this server; web pages of its host may use /mcp',
    null,
    publicUrl,
  ),
  bootstrapKey: variable(
    'SALLYPORT_BOOTSTRAP_KEY',
    'the bootstrap key, instead of a random one',
    null,
    text(apiKeyPattern, 'spk_ + id + _ + 43 characters of A-Z a-z 0-9 _ -'),
    { secret: true },
  ),
  databaseUrl: variable(
    'SALLYPORT_DATABASE_URL',
    'PostgreSQL that keeps the record, by a role that owns the database and is no superuser; unset: SQLite in the data directory',
    null,
    postgresUrl,
    { secret: true },
  ),
  redisUrl: variable(
    'SALLYPORT_REDIS_URL',
    'Redis in which several servers count quotas together; unset: each by itself',
    null,
    redisUrl,
    { secret: true },
  ),
  runners: variable(
    'SALLYPORT_RUNNER',
    'runners that are services of their own, separated by ","; unset: a child process',
    null,
    runnerList,
  ),
  runnerTlsCert: variable(
    'SALLYPORT_RUNNER_TLS_CERT',
    'certificate shown on tls:// links between api and runner, PEM file',
    null,
    path,
  ),
  runnerTlsKey: variable('SALLYPORT_RUNNER_TLS_KEY', 'its private key, PEM file', null, path),
  runnerTlsCa: variable(
    'SALLYPORT_RUNNER_TLS_CA',
    'CA that signed the certificate of the other side, PEM file',
    null,
    path,
  ),
  isolateConfinement: variable(
    'SALLYPORT_ISOLATE_CONFINEMENT',
    'how isolate workers are confined',
    'auto',
    oneOf('auto', 'bwrap', 'container', 'process'),
  ),
  warmContainers: variable(
    'SALLYPORT_WARM_CONTAINERS',
    'keep the idle containers that Image resources ask for; off: each starts when its call comes',
    'on',
    oneOf('on', 'off'),
  ),
  engineFloor: variable(
    'SALLYPORT_ENGINE_FLOOR',
    'what to do where runc or runsc is of a version with known holes; refuse: no container is started under it',
    'warn',
    oneOf('warn', 'refuse'),
  ),
  httpWorkers: variable(
    'SALLYPORT_HTTP_WORKERS',
    'HTTP processes under a supervisor that keeps the port over reloads (SIGHUP) and crashes, more than one on PostgreSQL and Redis; unset: one, without',
    null,
    integer(1, 64),
  ),
  maxBodyBytes: variable('SALLYPORT_MAX_BODY_BYTES', 'largest request body', '1MiB', bytes(kib, 16 * mib)),
  maxFileBytes: variable(
    'SALLYPORT_MAX_FILE_BYTES',
    'largest file that is put into a session or read from one',
    '64MiB',
    bytes(kib, 256 * mib),
  ),
  trustedProxies: variable(
    'SALLYPORT_TRUSTED_PROXIES',
    'addresses or CIDR ranges whose X-Forwarded-For is believed',
    null,
    addressList,
  ),
  metrics: variable('SALLYPORT_METRICS', 'serve /metrics', 'on', oneOf('on', 'off')),
  metricsAddress: variable(
    'SALLYPORT_METRICS_ADDRESS',
    'host:port on which /metrics is served instead of beside the API',
    null,
    hostAndPort,
  ),
  logLevel: variable(
    'SALLYPORT_LOG_LEVEL',
    'lowest level that is logged',
    'info',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
  ),
  nodeId: variable(
    'SALLYPORT_NODE_ID',
    'name of this node in the record',
    'node',
    text(/^[A-Za-z0-9_-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 _ -'),
  ),
  diskReserveBytes: variable(
    'SALLYPORT_DISK_RESERVE_BYTES',
    'free disk space below which new calls are refused',
    '64MiB',
    bytes(mib, 64 * gib),
  ),
  drainMs: variable(
    'SALLYPORT_DRAIN_MS',
    'how long running calls may take to end at shutdown',
    '20000',
    integer(0, 600_000),
  ),
  sealingKey: variable(
    'SALLYPORT_SEALING_KEY',
    'seals the arguments of calls that wait for approval; unset: sealing.key in the data directory',
    null,
    key256,
    { secret: true },
  ),
  auditSigningKey: variable(
    'SALLYPORT_AUDIT_SIGNING_KEY',
    'signs checkpoints of the record; NEW,OLD hands over to a new key; unset: signing.key in the data directory',
    null,
    signingKeys,
    { secret: true },
  ),
  auditAnchor: variable(
    'SALLYPORT_AUDIT_ANCHOR',
    'where checkpoints are noted as well, file:/path or syslog://host:port (TCP), separated by ","',
    null,
    anchorList,
  ),
  auditRetentionDays: variable(
    'SALLYPORT_AUDIT_RETENTION_DAYS',
    'arguments, results, prints and files older than this are not shown any more and removed; unset: they are kept',
    null,
    integer(1, 36_500),
  ),
  auditMinRetentionDays: variable(
    'SALLYPORT_AUDIT_MIN_RETENTION_DAYS',
    'what is younger cannot be erased; 0: everything can',
    '1',
    integer(0, 36_500),
  ),
  auditCheckpointMs: variable(
    'SALLYPORT_AUDIT_CHECKPOINT_MS',
    'a checkpoint of the record is signed at least so often while events come in',
    '60000',
    integer(100, 86_400_000),
  ),
  // Often holds a token in its path.
  approvalWebhook: variable(
    'SALLYPORT_APPROVAL_WEBHOOK',
    'URL that is told of calls that wait for approval, signed with webhook.key in the data directory',
    null,
    webhookUrl,
    { secret: true },
  ),
  oidcIssuer: variable(
    'SALLYPORT_OIDC_ISSUER',
    'issuer whose tokens (JWT) are taken beside API keys; its discovery document says where its keys are',
    null,
    issuerUrl,
  ),
  oidcAudience: variable(
    'SALLYPORT_OIDC_AUDIENCE',
    'what a token must name as its audience',
    null,
    text(/^[\x21-\x7e]{1,255}$/, '1 to 255 visible ASCII characters'),
  ),
  oidcRolesClaim: variable(
    'SALLYPORT_OIDC_ROLES_CLAIM',
    'claim of a token with the roles of its principal, a path separated by "."',
    'roles',
    text(/^[\x21-\x7e]{1,255}$/, '1 to 255 visible ASCII characters'),
  ),
  oidcTenantClaim: variable(
    'SALLYPORT_OIDC_TENANT_CLAIM',
    'claim with the tenant; unset: tokens are of the tenant "default"',
    null,
    text(/^[\x21-\x7e]{1,255}$/, '1 to 255 visible ASCII characters'),
  ),
  oidcScopes: variable(
    'SALLYPORT_OIDC_SCOPES',
    'which roles of a token give which scope, for example call=*,audit=auditor|security',
    null,
    scopeMap,
  ),
  dockerHost: variable(
    'DOCKER_HOST',
    'the container engine',
    null,
    text(
      /^(unix:\/\/\/|tcp:\/\/|https?:\/\/|ssh:\/\/|npipe:\/\/).{1,4096}$/,
      'unix:///path or tcp://host:port',
    ),
  ),
} as const;

/** Read by the command-line client, not by the server. */
export const clientVariables = ['SALLYPORT_URL', 'SALLYPORT_API_KEY'] as const;
