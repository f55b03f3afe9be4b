import type { LiteralDetector } from '../../detector.ts';
import { sample, sampleUuid } from '../sample.ts';
import { separators, token, tokenOf } from '../token.ts';

const hex32 = /[a-f0-9]{32}/;
const hex40 = /[a-f0-9]{40}/;
const uuid = /[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}/;

/** Vendors whose tokens carry no mark of their own, or did not for years: known by the name that they are assigned to. */
export const namedDetectors: readonly LiteralDetector[] = [
  named('cloudflare-legacy-token', 'Cloudflare API token (40 characters) or global key (37 hex)', {
    source: 'developers.cloudflare.com/fundamentals/api, Create API token, Get Global API key; before 2026',
    names: ['cloudflare', 'cf_api', 'cf-api', 'x-auth-key'],
    value: /(?:[a-f0-9]{37}|[A-Za-z0-9_-]{40})/,
    samples: [sample('base62', 40), sample('hex', 37)],
  }),
  named('heroku-legacy-key', 'Heroku API key before 2024', {
    source: 'devcenter.heroku.com/articles/platform-api-quickstart: a UUID in HEROKU_API_KEY',
    names: ['heroku'],
    value: uuid,
    samples: [sampleUuid()],
  }),
  named('vercel-legacy-token', 'Vercel access token before 2026', {
    source: 'vercel.com/docs/rest-api, Authentication: 24 letters and digits in VERCEL_TOKEN',
    names: ['vercel', 'now_token'],
    value: /[A-Za-z0-9]{24}/,
    samples: [sample('base62', 24)],
  }),
  named('alibaba-secret-key', 'Alibaba Cloud access key secret', {
    source: 'alibabacloud.com/help, RAM, Create an AccessKey pair: 30 letters and digits',
    names: ['alibaba', 'aliyun', 'alicloud', 'accesskeysecret', 'access_key_secret'],
    value: /[A-Za-z0-9]{30}/,
    samples: [sample('base62', 30)],
  }),
  named('tencent-secret-key', 'Tencent Cloud secret key', {
    source: 'cloud.tencent.com/document/product/598, Access key: 32 letters and digits beside the SecretId',
    names: ['tencent', 'qcloud'],
    value: /[A-Za-z0-9]{32}/,
    samples: [sample('base62', 32)],
  }),
  named('circleci-legacy-token', 'CircleCI API token before 2023', {
    source: 'circleci.com/docs/managing-api-tokens: 40 hex in CIRCLE_TOKEN',
    names: ['circle'],
    value: hex40,
    samples: [sample('hex', 40)],
  }),
  named('travis-token', 'Travis CI token', {
    source: 'docs.travis-ci.com, API v3, Authentication: 22 characters',
    names: ['travis'],
    value: /[A-Za-z0-9_-]{22}/,
    samples: [sample('base62', 22)],
  }),
  named('codecov-token', 'Codecov upload token', {
    source: 'docs.codecov.com/docs/codecov-tokens: a UUID in CODECOV_TOKEN',
    names: ['codecov'],
    value: uuid,
    samples: [sampleUuid()],
  }),
  named('snyk-token', 'Snyk API token', {
    source: 'docs.snyk.io, Authentication for API: a UUID in SNYK_TOKEN',
    names: ['snyk'],
    value: uuid,
    samples: [sampleUuid()],
  }),
  token({
    id: 'npm-legacy-token',
    title: 'npm registry token before 2021',
    source: 'docs.npmjs.com, .npmrc, _authToken: a UUID',
    literals: ['_authtoken', 'npm_token', 'npmtoken'],
    pattern: new RegExp(`(?i:_authtoken|npm_?token)${separators}(?<secret>${uuid.source})`, 'y'),
    hit: [`//registry.example/:_authToken=${sampleUuid()}`, `NPM_TOKEN: "${sampleUuid()}"`],
    miss: ['//registry.example/:_authToken=${NPM_TOKEN}', `npm_token_id ${sampleUuid()}`],
  }),
  named('jenkins-token', 'Jenkins API token', {
    source: 'jenkins.io, API tokens, jenkinsci/jenkins ApiTokenStore: 11 and 32 hex',
    names: ['jenkins'],
    value: /11[a-f0-9]{32}/,
    samples: [`11${sample('hex', 32)}`],
  }),
  named('opsgenie-key', 'Opsgenie API key', {
    source: 'support.atlassian.com/opsgenie, API key management: a UUID after GenieKey',
    names: ['opsgenie', 'geniekey'],
    value: uuid,
    samples: [sampleUuid()],
  }),
  named('sentry-legacy-token', 'Sentry auth token before 2023', {
    source: 'docs.sentry.io/api/auth: 64 hex in SENTRY_AUTH_TOKEN',
    names: ['sentry'],
    value: /[a-f0-9]{64}/,
    samples: [sample('hex', 64)],
  }),
  named('cohere-key', 'Cohere API key', {
    source: 'docs.cohere.com, API keys: 40 letters and digits in CO_API_KEY, COHERE_API_KEY',
    names: ['cohere', 'co_api'],
    value: /[A-Za-z0-9]{40}/,
    samples: [sample('base62', 40)],
  }),
  named('mistral-key', 'Mistral API key', {
    source: 'docs.mistral.ai, Quickstart: 32 letters and digits in MISTRAL_API_KEY',
    names: ['mistral'],
    value: /[A-Za-z0-9]{32}/,
    samples: [sample('base62', 32)],
  }),
  named('deepgram-key', 'Deepgram API key', {
    source: 'developers.deepgram.com, Authenticating: 40 hex after Token',
    names: ['deepgram'],
    value: hex40,
    samples: [sample('hex', 40)],
  }),
  named('assemblyai-key', 'AssemblyAI API key', {
    source: 'assemblyai.com/docs, Authentication: 32 hex',
    names: ['assemblyai', 'assembly_ai'],
    value: hex32,
    samples: [sample('hex', 32)],
  }),
  named('wandb-key', 'Weights & Biases API key', {
    source: 'docs.wandb.ai, WANDB_API_KEY: 40 hex',
    names: ['wandb'],
    value: hex40,
    samples: [sample('hex', 40)],
  }),
  named('azure-openai-legacy-key', 'Azure OpenAI or AI services key before 2024', {
    source: 'learn.microsoft.com/azure/ai-services/authentication: 32 hex in Ocp-Apim-Subscription-Key',
    names: ['azure_openai', 'azure_ai', 'azureopenai', 'subscription-key', 'cognitive', 'azure_'],
    value: hex32,
    samples: [sample('hex', 32)],
  }),
  named('binance-key', 'Binance API key or secret', {
    source: 'developers.binance.com, Request security: 64 letters and digits',
    names: ['binance'],
    value: /[A-Za-z0-9]{64}/,
    samples: [sample('base62', 64)],
  }),
  named('twitter-secret', 'X (Twitter) key secret or token secret', {
    source: 'docs.x.com, Authentication, OAuth 1.0a: 50 (key) and 45 (token) letters and digits',
    names: ['twitter', 'x_api', 'x_access'],
    value: /[A-Za-z0-9]{45,50}/,
    samples: [sample('base62', 50)],
  }),
  named('line-token', 'LINE channel access token', {
    source: 'developers.line.biz, Channel access tokens: base64 of 128 bytes and more',
    names: ['line_channel', 'linechannel', 'line_access', 'line_bot'],
    value: /[A-Za-z0-9+/]{150,200}={0,2}/,
    samples: [`${sample('base62', 169)}=`],
  }),
  named('vonage-secret', 'Vonage API secret', {
    source: 'developer.vonage.com, Authentication: 16 letters and digits',
    names: ['vonage', 'nexmo'],
    value: /[A-Za-z0-9]{16}/,
    samples: [sample('base62', 16)],
  }),
  named('contentful-delivery-token', 'Contentful delivery or preview token', {
    source: 'contentful.com/developers, Authentication: 43 characters',
    names: ['contentful'],
    value: /[A-Za-z0-9_-]{43}/,
    samples: [sample('base62', 43)],
  }),
  named('bugsnag-key', 'BugSnag or SmartBear API key', {
    source: 'docs.bugsnag.com, API key: 32 hex',
    names: ['bugsnag'],
    value: hex32,
    samples: [sample('hex', 32)],
  }),
  named('mixpanel-secret', 'Mixpanel API secret', {
    source: 'developer.mixpanel.com, Authentication: 32 hex',
    names: ['mixpanel'],
    value: hex32,
    samples: [sample('hex', 32)],
  }),
  named('amplitude-secret', 'Amplitude API or secret key', {
    source: 'amplitude.com/docs, Authentication: 32 hex',
    names: ['amplitude'],
    value: hex32,
    samples: [sample('hex', 32)],
  }),
  named('coveralls-token', 'Coveralls repository token', {
    source: 'docs.coveralls.io: 33 letters and digits in COVERALLS_REPO_TOKEN',
    names: ['coveralls'],
    value: /[A-Za-z0-9]{32,37}/,
    samples: [sample('base62', 33)],
  }),
  named('kraken-secret', 'Kraken API private key', {
    source: 'docs.kraken.com, REST authentication: base64 of 64 bytes',
    names: ['kraken'],
    value: /[A-Za-z0-9+/]{86}==/,
    samples: [`${sample('base62', 86)}==`],
  }),
  named('strava-secret', 'Strava client secret or token', {
    source: 'developers.strava.com, Authentication: 40 hex',
    names: ['strava'],
    value: hex40,
    samples: [sample('hex', 40)],
  }),
  named('openweather-key', 'OpenWeather API key', {
    source: 'openweathermap.org/appid: 32 hex',
    names: ['openweather', 'owm_'],
    value: hex32,
    samples: [sample('hex', 32)],
  }),
];

interface NamedFormat {
  readonly source: string;
  readonly names: readonly string[];
  readonly value: RegExp;
  /** Tokens, shown beside the first name. */
  readonly samples: readonly string[];
  readonly hit?: readonly string[];
  readonly miss?: readonly string[];
}

function named(id: string, title: string, format: NamedFormat): LiteralDetector {
  const { source, names, value, samples, hit = [], miss = [] } = format;
  const name = (names[0] ?? '').toUpperCase();
  const [first = ''] = samples;
  return tokenOf({
    id,
    title,
    source,
    names,
    value,
    hit: [
      ...samples.map((token) => `${name}_API_KEY=${token}`),
      ...samples.map((token) => `  ${name}_SECRET: ${Buffer.from(token).toString('base64')}`),
      ...samples.map((token) => `- name: ${name}_TOKEN\n  value: "${token}"`),
      ...hit,
    ],
    miss: [`${name}_API_KEY=<your-api-key>`, ...(first === '' ? [] : [`${name} release ${first}`]), ...miss],
  });
}
