import type { LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { notFiller } from '../../randomness.ts';
import { sample, sampleUuid } from '../sample.ts';
import { prefixed, token, tokenOf } from '../token.ts';

/** Identity, secret stores, encryption. */
export const identityDetectors: readonly LiteralDetector[] = [
  prefixed(
    'vault-token',
    'HashiCorp Vault token',
    'developer.hashicorp.com, Vault tokens: hvs. (service), hvb. (batch), hvr. (recovery)',
    {
      prefixes: ['hvs.', 'hvb.', 'hvr.'],
      body: /[A-Za-z0-9_-]{24,300}/,
      sample: sample('base62', 95),
      check: (value) => (/[0-9]/.test(value) && /[A-Z]/.test(value) ? notFiller(value) : null),
      miss: ['hvs.example.internal.company'],
    },
  ),
  prefixed(
    'onepassword-service-token',
    '1Password service account token',
    'developer.1password.com, Service accounts: ops_ and base64url of JSON',
    {
      prefixes: ['ops_eyJ'],
      body: /[A-Za-z0-9+/_-]{200,2048}={0,3}/,
      alphabet: /[A-Za-z0-9+/_-]/,
      sample: sample('base62', 400),
    },
  ),
  prefixed(
    'onepassword-secret-key',
    '1Password secret key',
    'support.1password.com, Secret Key: A3-, 6, then groups of 5 or 6 capitals and digits',
    {
      prefixes: ['A3-'],
      body: /[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}/,
      sample: 'Q7LM2V-R9XKD4-WFYB8-PC3HS-J6TE1-AEXV5',
    },
  ),
  prefixed(
    'doppler-token',
    'Doppler token',
    'docs.doppler.com, Token formats: dp.pt., dp.st., dp.ct., dp.sa., dp.scim., dp.audit.',
    {
      prefixes: ['dp.pt.', 'dp.st.', 'dp.ct.', 'dp.sa.', 'dp.scim.', 'dp.audit.'],
      body: /(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}/,
      sample: sample('base62', 43),
    },
  ),
  prefixed(
    'age-secret-key',
    'age secret key',
    'age-encryption.org, C2SP age.md: AGE-SECRET-KEY-1 and Bech32',
    {
      prefixes: ['AGE-SECRET-KEY-1'],
      body: /[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}/,
      sample: [...sample('upperDigits', 116)]
        .filter((c) => 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'.includes(c))
        .join('')
        .slice(0, 58),
    },
  ),
  prefixed(
    'openshift-token',
    'OpenShift user token',
    'docs.openshift.com, User-owned OAuth access tokens: sha256~ and 43 characters',
    {
      prefixes: ['sha256~'],
      body: /[A-Za-z0-9_-]{43}/,
      sample: sample('base62', 43),
    },
  ),
  prefixed(
    'adobe-client-secret',
    'Adobe client secret',
    'developer.adobe.com, OAuth credentials; GitHub secret scanning: p8e- and 32 characters',
    {
      prefixes: ['p8e-', 'p8e_'],
      body: /[A-Za-z0-9_-]{32}/,
      sample: sample('base62', 32),
    },
  ),
  prefixed(
    'frameio-token',
    'Frame.io token',
    'developer.frame.io, Developer tokens: fio-u- and 64 characters',
    {
      prefixes: ['fio-u-'],
      body: /[A-Za-z0-9_=-]{64}/,
      alphabet: /[A-Za-z0-9_-]/,
      sample: sample('base62', 64),
    },
  ),
  tokenOf({
    id: 'bitwarden-access-token',
    title: 'Bitwarden Secrets Manager access token',
    source: 'bitwarden.com help, Access tokens: 0., UUID, ., 30 characters, :, base64; beside its name',
    names: ['bws_', 'bitwarden'],
    value:
      /0\.[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}\.[A-Za-z0-9]{30}:[A-Za-z0-9+/]{22}==/,
    hit: [`BWS_ACCESS_TOKEN=0.${sampleUuid()}.${sample('base62', 30)}:${sample('base62', 22)}==`],
    miss: ['BWS_ACCESS_TOKEN=0.5', `bitwarden key 0.${sampleUuid()}`],
  }),
  token({
    id: 'mapbox-secret-token',
    title: 'Mapbox secret token',
    source: 'docs.mapbox.com, Access tokens: sk., base64url of {"u":, ., signature',
    literals: ['sk.eyJ1Ijo', 'tk.eyJ1Ijo'],
    pattern: /[st]k\.eyJ1Ijo[A-Za-z0-9_-]{30,200}\.[A-Za-z0-9_-]{20,24}/y,
    alphabet: /[A-Za-z0-9_-]/,
    hit: [inParts('sk.', 'eyJ1Ijo', sample('base62', 70), '.', sample('base62', 22))],
    miss: ['sk.eyJ1Ijo', `pk.eyJ1Ijo${sample('base62', 70)}.${sample('base62', 22)}`],
  }),
  token({
    id: 'maxmind-key',
    title: 'MaxMind licence key',
    source: 'dev.maxmind.com, License keys: 6, _, 29, _mmk',
    literals: ['_mmk'],
    lead: 36,
    pattern: /[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk/y,
    hit: [inParts(sample('base62', 6), '_', sample('base62', 29), '_mmk')],
    miss: [`${'x'.repeat(6)}_${'x'.repeat(29)}_mmk`, 'the_mmk'],
  }),
  tokenOf({
    id: 'okta-token',
    title: 'Okta API token',
    source: 'developer.okta.com, API tokens: 00 and 40 characters, beside its name or after SSWS',
    names: ['okta'],
    value: /00[A-Za-z0-9_-]{40}/,
    hit: [`OKTA_API_TOKEN=00${sample('base62', 40)}`],
    miss: ['OKTA_API_TOKEN=00xxxxxxxx', 'okta token lifetime: 0000'],
  }),
  token({
    id: 'okta-ssws-token',
    title: 'Okta API token in a header',
    source: 'developer.okta.com, Core API, Authentication: SSWS and the token',
    literals: ['SSWS 00'],
    pattern: /SSWS 00[A-Za-z0-9_-]{40}/y,
    alphabet: /[A-Za-z0-9_-]/,
    hit: [inParts('Authorization: SSWS 00', sample('base62', 40))],
    miss: ['Authorization: SSWS 00{token}', `SSWS 00${'x'.repeat(40)}`],
  }),
  tokenOf({
    id: 'auth0-client-secret',
    title: 'Auth0 client secret',
    source: 'auth0.com docs, Application settings: 64 characters of base64url beside its name',
    names: ['auth0'],
    value: /[A-Za-z0-9_-]{64}/,
    hit: [`AUTH0_CLIENT_SECRET=${sample('base62', 64)}`],
    miss: ['AUTH0_CLIENT_SECRET={yourClientSecret}'],
  }),
  tokenOf({
    id: 'ngrok-token',
    title: 'ngrok auth token or API key',
    source: 'ngrok.com docs, Authtokens: 27 characters that start with 1, 2 or 3, _, 21 or more',
    names: ['ngrok'],
    value: /[1-3][A-Za-z0-9]{26}_[A-Za-z0-9]{19,24}/,
    hit: [`NGROK_AUTHTOKEN=2${sample('base62', 26)}_${sample('base62', 21)}`],
    miss: ['ngrok authtoken: <token>'],
  }),
];
