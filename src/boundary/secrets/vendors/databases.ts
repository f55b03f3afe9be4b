import type { LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { sample } from '../sample.ts';
import { prefixed, token } from '../token.ts';

/** Databases and data platforms. */
export const databaseDetectors: readonly LiteralDetector[] = [
  prefixed(
    'databricks-token',
    'Databricks personal access token or OAuth secret',
    'docs.databricks.com, Authentication: dapi, dkea (identity), dose (OAuth secret) and 32 hex',
    {
      prefixes: ['dapi', 'dkea', 'dose'],
      body: /[a-f0-9]{32}(?:-[0-9])?/,
      sample: sample('hex', 32),
    },
  ),
  prefixed(
    'planetscale-token',
    'PlanetScale token or password',
    'planetscale.com docs, Service tokens: pscale_tkn_, pscale_pw_, pscale_oauth_',
    {
      prefixes: ['pscale_tkn_', 'pscale_pw_', 'pscale_oauth_'],
      body: /[A-Za-z0-9_.-]{32,64}/,
      alphabet: /[A-Za-z0-9_.-]/,
      sample: sample('base62', 43),
    },
  ),
  prefixed('neon-key', 'Neon API key', 'neon.com docs, API keys: napi_ and 64 characters', {
    prefixes: ['napi_'],
    body: /[a-z0-9]{48,64}/,
    sample: sample('lowerDigits', 64),
  }),
  prefixed(
    'supabase-token',
    'Supabase access token or secret key',
    'supabase.com docs, API keys: sbp_ and 40 hex, sb_secret_',
    {
      prefixes: ['sbp_', 'sb_secret_', 'sbp_oauth_'],
      body: /(?:[a-f0-9]{40}|[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8})/,
      alphabet: /[A-Za-z0-9_-]/,
      sample: sample('hex', 40),
    },
  ),
  prefixed(
    'mongodb-atlas-service-secret',
    'MongoDB Atlas service account secret',
    'mongodb.com docs, Service accounts: mdb_sa_sk_ and 40 characters',
    {
      prefixes: ['mdb_sa_sk_'],
      body: /[A-Za-z0-9_-]{40}/,
      sample: sample('base62', 40),
    },
  ),
  prefixed(
    'aiven-password',
    'Aiven service password',
    'GitHub secret scanning, aiven_service_password: AVNS_',
    {
      prefixes: ['AVNS_'],
      body: /[A-Za-z0-9_-]{19}/,
      sample: sample('base62', 19),
    },
  ),
  prefixed(
    'cockroachdb-key',
    'CockroachDB Cloud API key',
    'cockroachlabs.com docs, Cloud API: CCDB1_, 22, _, 40',
    {
      prefixes: ['CCDB1_'],
      body: /[A-Za-z0-9]{22}_[A-Za-z0-9]{40}/,
      sample: `${sample('base62', 22)}_${sample('base62', 40)}`,
    },
  ),
  prefixed(
    'materialize-password',
    'Materialize app password',
    'materialize.com docs, App passwords: mzp_ and 64 hex',
    {
      prefixes: ['mzp_'],
      body: /[a-f0-9]{64}/,
      sample: sample('hex', 64),
    },
  ),
  prefixed(
    'clickhouse-cloud-key',
    'ClickHouse Cloud API key secret',
    'clickhouse.com docs, Cloud API: 4b1d and 38 characters',
    {
      prefixes: ['4b1d'],
      body: /[A-Za-z0-9]{38}/,
      sample: sample('base62', 38),
      check: (value) => (/[A-Z]/.test(value) && /[g-z]/.test(value) ? 'high' : null),
      miss: [`4b1d${sample('hex', 38)}`],
    },
  ),
  prefixed(
    'astra-token',
    'DataStax Astra application token',
    'docs.datastax.com, Application tokens: AstraCS:, 24, :, 64 hex',
    {
      prefixes: ['AstraCS:'],
      body: /[A-Za-z]{24}:[a-f0-9]{64}/,
      sample: `${sample('letters', 24)}:${sample('hex', 64)}`,
    },
  ),
  prefixed(
    'confluent-secret',
    'Confluent Cloud API secret',
    'docs.confluent.io, API keys: cflt and 60 characters',
    {
      prefixes: ['cflt'],
      body: /[A-Za-z0-9+/]{60}/,
      alphabet: /[A-Za-z0-9+/]/,
      sample: sample('base62', 60),
    },
  ),
  prefixed(
    'elastic-cloud-key',
    'Elastic Cloud API key',
    'elastic.co docs, Cloud API keys: essu_ and base64',
    {
      prefixes: ['essu_'],
      body: /[A-Za-z0-9+/]{60,200}={0,2}/,
      alphabet: /[A-Za-z0-9+/]/,
      sample: `${sample('base62', 80)}==`,
    },
  ),
  prefixed(
    'prefect-key',
    'Prefect Cloud API key',
    'docs.prefect.io, API keys: pnu_ (user), pnb_ (bot) and 36 characters',
    {
      prefixes: ['pnu_', 'pnb_'],
      body: /[a-zA-Z0-9]{36}/,
      sample: sample('base62', 36),
    },
  ),
  token({
    id: 'tinybird-token',
    title: 'Tinybird auth token',
    source: 'tinybird.co docs, Auth tokens: p., base64url of JSON, ., signature',
    literals: ['p.eyJ1Ijo'],
    pattern: /p\.eyJ1Ijo[A-Za-z0-9_-]{40,300}\.[A-Za-z0-9_-]{43}/y,
    alphabet: /[A-Za-z0-9_-]/,
    hit: [inParts('p.', 'eyJ1Ijo', sample('base62', 120), '.', sample('base62', 43))],
    miss: ['p.eyJ1Ijo', `p.eyJ1Ijo${sample('base62', 60)}`],
  }),
];
