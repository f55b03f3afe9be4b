import type { LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { sample, sampleUuid } from '../sample.ts';
import { prefixed, token, tokenOf } from '../token.ts';

/** Clouds and hosting, other than Microsoft's. */
export const cloudDetectors: readonly LiteralDetector[] = [
  token({
    id: 'aws-session-token',
    title: 'AWS session token',
    source:
      'AWS STS API Reference, Credentials, SessionToken: base64 that starts with "!\\norigin_ec" or an older header',
    literals: ['IQoJb3JpZ2luX2Vj', 'FwoGZXIvYXdzE', 'FQoGZXIvYXdzE', 'AgoJb3JpZ2luX2Vj'],
    pattern: /(?:IQoJb3JpZ2luX2Vj|FwoGZXIvYXdzE|FQoGZXIvYXdzE|AgoJb3JpZ2luX2Vj)[A-Za-z0-9+/]{60,4096}={0,2}/y,
    alphabet: /[A-Za-z0-9+/]/,
    hit: [inParts('IQoJb3JpZ2lu', 'X2Vj', sample('base62', 300), '==')],
    miss: [`IQoJb3JpZ2luX2Vj${'A'.repeat(100)}`, 'IQoJb3JpZ2luX2Vj', 'FwoGZXIvYXdzEXAMPLE'],
  }),
  token({
    id: 'aws-bedrock-key',
    title: 'Amazon Bedrock API key',
    source: 'Amazon Bedrock User Guide, API keys: ABSK (long-term), bedrock-api-key- (short-term)',
    literals: ['ABSKQmVkcm9ja0FQSUtleS', 'bedrock-api-key-'],
    pattern:
      /(?:ABSKQmVkcm9ja0FQSUtleS|bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t)[A-Za-z0-9+/]{40,4096}={0,2}/y,
    alphabet: /[A-Za-z0-9+/]/,
    hit: [
      inParts('ABSK', 'QmVkcm9ja0FQSUtleS', sample('base62', 110)),
      inParts('bedrock-api-key-', 'YmVkcm9jay5hbWF6b25hd3MuY29t', sample('base62', 200)),
    ],
    miss: ['bedrock-api-key-placeholder', `ABSKQmVkcm9ja0FQSUtleS${'x'.repeat(60)}`],
  }),
  prefixed(
    'google-oauth-client-secret',
    'Google OAuth client secret',
    'Google Cloud docs, OAuth clients; GitHub secret scanning: GOCSPX- and 28 characters',
    {
      prefixes: ['GOCSPX-'],
      body: /[A-Za-z0-9_-]{28}/,
      sample: sample('base62', 28),
    },
  ),
  prefixed(
    'google-oauth-token',
    'Google OAuth access token',
    'developers.google.com, Using OAuth 2.0: ya29.',
    {
      prefixes: ['ya29.'],
      body: /[A-Za-z0-9_-]{30,2048}/,
      sample: sample('base62', 120),
    },
  ),
  token({
    id: 'google-oauth-refresh-token',
    title: 'Google OAuth refresh token',
    source: 'developers.google.com, Using OAuth 2.0 for web server applications: 1// and up to 512 bytes',
    literals: ['1//0'],
    pattern: /1\/\/0[A-Za-z0-9_-]{40,512}/y,
    alphabet: /[A-Za-z0-9_-]/,
    hit: [inParts('1/', '/0', sample('base62', 100))],
    miss: ['1//0', `1//0${'x'.repeat(80)}`, 'see page 1//010 of the list'],
  }),
  prefixed(
    'google-hmac-key',
    'Google Cloud Storage HMAC access id',
    'cloud.google.com, Storage HMAC keys: GOOG1E and 55 characters (service account), GOOG and 20 (user)',
    {
      prefixes: ['GOOG1E', 'GOOGE'],
      body: /[A-Z0-9]{55}/,
      sample: sample('upperDigits', 55),
    },
  ),
  prefixed(
    'digitalocean-token',
    'DigitalOcean token',
    'docs.digitalocean.com, API tokens: dop_v1_, doo_v1_, dor_v1_ and 64 hex',
    {
      prefixes: ['dop_v1_', 'doo_v1_', 'dor_v1_'],
      body: /[a-f0-9]{64}/,
      sample: sample('hex', 64),
    },
  ),
  prefixed(
    'cloudflare-token',
    'Cloudflare API token or key',
    'developers.cloudflare.com, Token formats: cfk_, cfut_, cfat_, 40 characters and a checksum',
    {
      prefixes: ['cfk_', 'cfut_', 'cfat_'],
      body: /[A-Za-z0-9]{44,52}/,
      sample: sample('base62', 40) + sample('hex', 8),
    },
  ),
  token({
    id: 'cloudflare-origin-ca-key',
    title: 'Cloudflare Origin CA key',
    source: 'developers.cloudflare.com, Get Origin CA keys: v1.0-, 24 hex, -, 146 hex',
    literals: ['v1.0-'],
    pattern: /v1\.0-[a-f0-9]{24}-[a-f0-9]{146}/y,
    hit: [inParts('v1', '.0-', sample('hex', 24), '-', sample('hex', 146))],
    miss: ['v1.0-beta', `v1.0-${sample('hex', 24)}`],
  }),
  prefixed(
    'alibaba-access-key-id',
    'Alibaba Cloud access key id',
    'alibabacloud.com, RAM, AccessKey pairs; GitHub secret scanning: LTAI',
    {
      prefixes: ['LTAI'],
      body: /[A-Za-z0-9]{12,20}/,
      sample: sample('base62', 20),
      miss: ['LTAIabc', 'LTAILTAILTAILTAILTAI'],
      check: (value) => (/[0-9]/.test(value) ? 'high' : null),
    },
  ),
  prefixed(
    'tencent-secret-id',
    'Tencent Cloud secret id',
    'cloud.tencent.com, CAM, Access key: AKID and 32 characters',
    {
      prefixes: ['AKID'],
      body: /[A-Za-z0-9]{32}/,
      sample: sample('base62', 32),
    },
  ),
  prefixed('yandex-api-key', 'Yandex Cloud API key', 'yandex.cloud docs, API key: AQVN', {
    prefixes: ['AQVN'],
    body: /[A-Za-z0-9_-]{35,38}/,
    sample: sample('base62', 36),
  }),
  prefixed(
    'yandex-iam-token',
    'Yandex Cloud IAM token',
    'yandex.cloud docs, IAM token: t1., base64url, ., 86 characters',
    {
      prefixes: ['t1.9eu'],
      body: /[A-Za-z0-9_-]{40,1024}={0,2}\.[A-Za-z0-9_-]{86}={0,2}/,
      alphabet: /[A-Za-z0-9_-]/,
      sample: `${sample('base62', 80)}.${sample('base62', 86)}`,
    },
  ),
  prefixed(
    'heroku-key',
    'Heroku API key',
    'devcenter.heroku.com, Platform API authentication, 2024: HRKU-AA and 58 characters',
    {
      prefixes: ['HRKU-'],
      body: /(?:AA[A-Za-z0-9_-]{58}|[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12})/,
      sample: `AA${sample('base62', 58)}`,
    },
  ),
  prefixed(
    'flyio-token',
    'Fly.io access token',
    'fly.io docs, Access tokens; superfly/macaroon: fm1r_, fm1a_, fm2_, fo1_',
    {
      prefixes: ['fm1r_', 'fm1a_', 'fm2_', 'fo1_'],
      body: /[A-Za-z0-9+/_-]{43,2048}={0,3}/,
      alphabet: /[A-Za-z0-9+/_-]/,
      sample: sample('base62', 120),
    },
  ),
  prefixed('render-key', 'Render API key', 'render.com docs, API: rnd_ and 32 characters', {
    prefixes: ['rnd_'],
    body: /[A-Za-z0-9]{32}/,
    sample: sample('base62', 32),
  }),
  prefixed(
    'netlify-token',
    'Netlify access token',
    'docs.netlify.com, API: nfp_ (personal), nfo_, nfc_, nfb_, nfu_',
    {
      prefixes: ['nfp_', 'nfo_', 'nfc_', 'nfb_', 'nfu_'],
      body: /[A-Za-z0-9]{36}/,
      sample: sample('base62', 36),
    },
  ),
  prefixed(
    'vercel-token',
    'Vercel access token',
    'GitHub secret scanning partner list, Vercel: vcp_, vci_, vca_, vcr_',
    {
      prefixes: ['vcp_', 'vci_', 'vca_', 'vcr_'],
      body: /[A-Za-z0-9]{56}/,
      sample: sample('base62', 56),
    },
  ),
  prefixed('ubidots-token', 'Ubidots token', 'docs.ubidots.com, Authentication: BBFF- and 30 characters', {
    prefixes: ['BBFF-', 'BBUS-'],
    body: /[A-Za-z0-9]{30}/,
    sample: sample('base62', 30),
  }),
  prefixed('defined-networking-token', 'Defined Networking API token', 'docs.defined.net, API: dnkey-', {
    prefixes: ['dnkey-'],
    body: /[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}/,
    alphabet: /[A-Za-z0-9_-]/,
    sample: `${sample('base62', 26)}-${sample('base62', 52)}`,
  }),
  prefixed(
    'tailscale-key',
    'Tailscale key',
    'tailscale.com kb, Key prefixes: tskey-auth-, tskey-api-, tskey-client-, tskey-scim-, tskey-webhook-',
    {
      prefixes: ['tskey-'],
      body: /(?:auth-|api-|client-|scim-|webhook-)?[A-Za-z0-9]{10,20}-[A-Za-z0-9]{20,40}/,
      sample: `auth-${sample('base62', 12)}CNTRL-${sample('base62', 32)}`,
    },
  ),
  prefixed(
    'netbird-token',
    'NetBird access token',
    'docs.netbird.io, Public API: nbp_, 30 characters and a checksum of 6',
    {
      prefixes: ['nbp_'],
      body: /[A-Za-z0-9]{36}/,
      sample: sample('base62', 36),
    },
  ),
  prefixed(
    'scaleway-access-key',
    'Scaleway access key',
    'scaleway.com docs, IAM API keys: SCW and 17 characters',
    {
      prefixes: ['SCW'],
      body: /[A-Z0-9]{17}/,
      sample: sample('upperDigits', 17),
    },
  ),
  tokenOf({
    id: 'scaleway-secret-key',
    title: 'Scaleway secret key',
    source: 'scaleway.com docs, IAM API keys: a UUID beside its name',
    names: ['scaleway', 'scw_', 'scwsecret'],
    value: /[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}/,
    hit: [`SCW_SECRET_KEY=${sampleUuid()}`],
    miss: [`SCW_DEFAULT_PROJECT_ID=${sampleUuid()}`, 'SCW_SECRET_KEY=<uuid>'],
  }),
  tokenOf({
    id: 'linode-token',
    title: 'Linode (Akamai) access token',
    source: 'techdocs.akamai.com, Linode API, Personal access tokens: 64 hex',
    names: ['linode'],
    value: /[a-f0-9]{64}/,
    hit: [`LINODE_TOKEN="${sample('hex', 64)}"`],
    miss: ['LINODE_TOKEN="$TOKEN"', `linode image ${sample('hex', 64)}`],
  }),
  tokenOf({
    id: 'fastly-token',
    title: 'Fastly API token',
    source: 'fastly.com docs, API tokens: 32 characters of base64url',
    names: ['fastly'],
    value: /[A-Za-z0-9_-]{32}/,
    hit: [`fastly_api_key: ${sample('base62', 32)}`],
    miss: ['fastly_api_key: ${FASTLY_API_KEY}', 'fastly-key: the_key_of_the_fastly_account'],
  }),
  tokenOf({
    id: 'hetzner-token',
    title: 'Hetzner Cloud API token',
    source: 'docs.hetzner.cloud, Authentication: 64 letters and digits',
    names: ['hcloud', 'hetzner'],
    value: /[A-Za-z0-9]{64}/,
    hit: [`HCLOUD_TOKEN=${sample('base62', 64)}`],
    miss: ['HCLOUD_TOKEN=', 'hcloud token: see the console'],
  }),
];
