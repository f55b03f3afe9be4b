import type { LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { sample, sampleUuid } from '../sample.ts';
import { prefixed, token, tokenOf } from '../token.ts';

/** Monitoring, analytics, feature flags. */
export const monitoringDetectors: readonly LiteralDetector[] = [
  prefixed(
    'newrelic-key',
    'New Relic user, insights or REST key',
    'docs.newrelic.com, API keys: NRAK- (user), NRII- (insert), NRIQ- (query), NRRA- (REST), NRSP-',
    {
      prefixes: ['NRAK-', 'NRRA-', 'NRII-', 'NRIQ-', 'NRSP-'],
      body: /[A-Za-z0-9_-]{27,43}/,
      sample: sample('upperDigits', 27),
    },
  ),
  prefixed('newrelic-browser-key', 'New Relic browser key', 'docs.newrelic.com, API keys: NRJS- and 19 hex', {
    prefixes: ['NRJS-'],
    body: /[a-f0-9]{19}/,
    sample: sample('hex', 19),
  }),
  token({
    id: 'newrelic-license-key',
    title: 'New Relic licence key',
    source: 'docs.newrelic.com, License key: 36 hex and NRAL (eu01xx… in Europe)',
    literals: ['NRAL'],
    lead: 36,
    pattern: /[a-z0-9]{36}NRAL/y,
    hit: [inParts(sample('hex', 36), 'NRAL'), inParts('eu01xx', sample('hex', 30), 'NRAL')],
    miss: [`${'0'.repeat(36)}NRAL`, 'NRAL'],
  }),
  prefixed(
    'sentry-org-token',
    'Sentry organisation auth token',
    'docs.sentry.io, Auth tokens; getsentry/rfcs 0091: sntrys_, base64 of JSON, _, 43 characters',
    {
      prefixes: ['sntrys_eyJ'],
      body: /[A-Za-z0-9+/]{60,500}={0,2}_[A-Za-z0-9+/_-]{43}/,
      alphabet: /[A-Za-z0-9+/_-]/,
      sample: `${sample('base62', 160)}==_${sample('base62', 43)}`,
    },
  ),
  prefixed(
    'sentry-user-token',
    'Sentry user or integration token',
    'docs.sentry.io, Auth tokens: sntryu_, sntrya_, sntryi_ and 64 hex',
    {
      prefixes: ['sntryu_', 'sntrya_', 'sntryi_'],
      body: /[a-f0-9]{64}/,
      sample: sample('hex', 64),
    },
  ),
  prefixed(
    'grafana-service-account-token',
    'Grafana service account token',
    'grafana.com docs, Service accounts: glsa_, 32 characters, _, CRC-32 in hex',
    {
      prefixes: ['glsa_'],
      body: /[A-Za-z0-9]{32}_[a-f0-9]{8}/,
      sample: `${sample('base62', 32)}_${sample('hex', 8)}`,
    },
  ),
  prefixed(
    'grafana-cloud-token',
    'Grafana Cloud access policy token',
    'grafana.com docs, Access policies: glc_ and base64 of JSON',
    {
      prefixes: ['glc_eyJ'],
      body: /[A-Za-z0-9+/]{40,400}={0,2}/,
      alphabet: /[A-Za-z0-9+/]/,
      sample: sample('base62', 120),
    },
  ),
  prefixed('grafana-api-key', 'Grafana API key (legacy)', 'grafana.com docs, API keys: base64 of {"k":"', {
    prefixes: ['eyJrIjoi'],
    body: /[A-Za-z0-9+/]{50,300}={0,2}/,
    alphabet: /[A-Za-z0-9+/.]/,
    sample: sample('base62', 92),
  }),
  prefixed(
    'honeycomb-key',
    'Honeycomb API key',
    'docs.honeycomb.io, API keys: hcaik_, hcbik_, hccik_ (ingest), hcamk_ (management)',
    {
      prefixes: ['hcaik_', 'hcbik_', 'hccik_', 'hcamk_', 'hcxik_'],
      body: /[a-z0-9]{26,58}/,
      sample: sample('lowerDigits', 58),
    },
  ),
  prefixed('axiom-token', 'Axiom API or personal token', 'axiom.co docs, Tokens: xaat-, xapt- and a UUID', {
    prefixes: ['xaat-', 'xapt-'],
    body: /[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}/,
    sample: sampleUuid(),
  }),
  prefixed(
    'posthog-key',
    'PostHog personal API key',
    'posthog.com docs, API: phx_ (personal), phs_ (secret), pha_, phr_; phc_ is public',
    {
      prefixes: ['phx_', 'phs_', 'pha_', 'phr_'],
      body: /[A-Za-z0-9]{40,56}/,
      sample: sample('base62', 43),
    },
  ),
  prefixed(
    'checkly-key',
    'Checkly API key',
    'checklyhq.com docs, Authentication: cu_ (user), sv_ (service) and 32 hex',
    {
      prefixes: ['cu_', 'sv_'],
      body: /[a-f0-9]{32}/,
      sample: sample('hex', 32),
    },
  ),
  prefixed(
    'dynatrace-token',
    'Dynatrace access token',
    'docs.dynatrace.com, Access tokens: dt0c01., 24, ., 64 capitals and digits',
    {
      prefixes: ['dt0c01.', 'dt0s01.', 'dt0s02.', 'dt0s03.', 'dt0s08.', 'dt0s16.', 'dt0a01.', 'dt0e01.'],
      body: /[A-Z0-9]{24}\.[A-Z0-9]{64}/,
      sample: `${sample('upperDigits', 24)}.${sample('upperDigits', 64)}`,
    },
  ),
  prefixed(
    'segment-token',
    'Segment public API token',
    'docs.segmentapis.com, Authentication: sgp_ and 64 characters',
    {
      prefixes: ['sgp_'],
      body: /[A-Za-z0-9]{64}/,
      sample: sample('base62', 64),
    },
  ),
  token({
    id: 'statsig-key',
    title: 'Statsig server or console key',
    source: 'docs.statsig.com, API keys: secret-, console- and 43 or more characters',
    literals: ['secret-', 'console-'],
    pattern: /(?:secret|console)-[A-Za-z0-9]{43,50}/y,
    alphabet: /[A-Za-z0-9-]/,
    hit: [inParts('secret', '-', sample('base62', 43))],
    miss: ['secret-manager', `secret-${'x'.repeat(43)}`],
  }),
  tokenOf({
    id: 'datadog-key',
    title: 'Datadog API or application key',
    source: 'docs.datadoghq.com, API and application keys: 32 or 40 hex beside its name',
    names: ['datadog', 'dd_a', 'dd-a', 'ddapi', 'ddapp'],
    value: /(?:[a-f0-9]{40}|[a-f0-9]{32})/,
    hit: [`DD_API_KEY=${sample('hex', 32)}`, `datadog:\n  app_key: "${sample('hex', 40)}"`],
    miss: ['DD_API_KEY=<key>', `datadog release ${sample('hex', 40)}`],
  }),
  tokenOf({
    id: 'pagerduty-key',
    title: 'PagerDuty API or integration key',
    source: 'developer.pagerduty.com, Authentication: 20 characters; Events API: 32 hex; beside its name',
    names: ['pagerduty', 'pager_duty'],
    value: /(?:[a-f0-9]{32}|[uy]\+[A-Za-z0-9_-]{18}|[A-Za-z0-9_-]{20})/,
    hit: [`PAGERDUTY_TOKEN=u+${sample('base62', 18)}`, `pagerduty_routing_key: ${sample('hex', 32)}`],
    miss: ['PAGERDUTY_TOKEN=$TOKEN', 'pagerduty_key_name = on-call-rotation'],
  }),
  tokenOf({
    id: 'algolia-key',
    title: 'Algolia admin API key',
    source: 'algolia.com docs, API keys: 32 hex beside its name',
    names: ['algolia'],
    value: /[a-f0-9]{32}/,
    hit: [`ALGOLIA_ADMIN_KEY=${sample('hex', 32)}`],
    miss: [`algolia index ${sample('hex', 32)}`, 'ALGOLIA_ADMIN_KEY='],
  }),
  tokenOf({
    id: 'rollbar-token',
    title: 'Rollbar access token',
    source: 'docs.rollbar.com, Access tokens: 32 hex beside its name',
    names: ['rollbar'],
    value: /[a-f0-9]{32}/,
    hit: [`ROLLBAR_ACCESS_TOKEN=${sample('hex', 32)}`],
    miss: ['ROLLBAR_ACCESS_TOKEN=none'],
  }),
  tokenOf({
    id: 'sumologic-key',
    title: 'Sumo Logic access key',
    source: 'help.sumologic.com, Access keys: 64 letters and digits beside its name',
    names: ['sumologic', 'sumo_'],
    value: /[A-Za-z0-9]{64}/,
    hit: [`SUMO_ACCESS_KEY=${sample('base62', 64)}`],
    miss: ['SUMO_ACCESS_KEY=key'],
  }),
];
