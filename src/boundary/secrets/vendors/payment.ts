import type { LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { sample, sampleUuid } from '../sample.ts';
import { prefixed, token, tokenOf } from '../token.ts';

/** Payment, commerce and shipping. */
export const paymentDetectors: readonly LiteralDetector[] = [
  prefixed(
    'square-token',
    'Square access token or OAuth secret',
    'developer.squareup.com, Access tokens: sq0atp-, sq0csp-, sq0idp- is public',
    {
      prefixes: ['sq0atp-', 'sq0csp-'],
      body: /[A-Za-z0-9_-]{22,43}/,
      sample: sample('base62', 22),
    },
  ),
  prefixed(
    'square-production-token',
    'Square access token (EAAA)',
    'developer.squareup.com, Access tokens: EAAA and 60 characters',
    {
      prefixes: ['EAAA'],
      body: /[A-Za-z0-9_-]{60}/,
      sample: sample('base62', 60),
    },
  ),
  token({
    id: 'braintree-token',
    title: 'PayPal Braintree access token',
    source: 'developer.paypal.com/braintree, OAuth: access_token$production$, 16 characters, $, 32 hex',
    literals: ['access_token$'],
    pattern: /access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}/y,
    hit: [inParts('access_token', '$production$', sample('lowerDigits', 16), '$', sample('hex', 32))],
    miss: ['access_token$production$x', 'access_token$sandbox$<merchant>$<key>'],
  }),
  prefixed(
    'shopify-token',
    'Shopify token',
    'shopify.dev, Access tokens: shpat_ (admin), shpca_ (custom), shppa_ (private), shpss_ (shared secret), shpua_, shpit_',
    {
      prefixes: ['shpat_', 'shpca_', 'shppa_', 'shpss_', 'shpua_', 'shpit_'],
      body: /[a-fA-F0-9]{32}/,
      sample: sample('hex', 32),
    },
  ),
  prefixed(
    'shopify-partner-token',
    'Shopify partner or theme access token',
    'shopify.dev, Theme Access (shptka_) and Partner API (prtapi_)',
    {
      prefixes: ['shptka_', 'prtapi_'],
      body: /[a-f0-9]{32}/,
      sample: sample('hex', 32),
    },
  ),
  prefixed(
    'flutterwave-key',
    'Flutterwave secret key',
    'developer.flutterwave.com, Authentication: FLWSECK-, FLWSECK_TEST-, ending in -X',
    {
      prefixes: ['FLWSECK-', 'FLWSECK_TEST-'],
      body: /[a-f0-9]{32}-X/,
      sample: `${sample('hex', 32)}-X`,
    },
  ),
  prefixed(
    'razorpay-key-id',
    'Razorpay API key id',
    'razorpay.com docs, API keys: rzp_live_, rzp_test_ and 14 characters',
    {
      prefixes: ['rzp_live_', 'rzp_test_'],
      body: /[A-Za-z0-9]{14}/,
      sample: sample('base62', 14),
    },
  ),
  prefixed(
    'mollie-key',
    'Mollie API key',
    'docs.mollie.com, Authentication: live_, test_ and 30 characters',
    {
      prefixes: ['live_', 'test_'],
      body: /[A-Za-z0-9]{30}/,
      sample: sample('base62', 30),
      check: mixedCase,
      alphabet: /[A-Za-z0-9_]/,
      miss: ['test_thisisthenameofsometestfunctions', `test_${sample('hex', 30)}`],
    },
  ),
  prefixed('adyen-key', 'Adyen API key', 'docs.adyen.com, API credentials: AQE', {
    prefixes: ['AQE'],
    body: /[a-z]hm[A-Za-z0-9+/=-]{80,400}/,
    alphabet: /[A-Za-z0-9+/=-]/,
    sample: `yhm${sample('base62', 120)}`,
  }),
  prefixed(
    'plaid-token',
    'Plaid access token',
    'plaid.com docs, Tokens: access-sandbox-, access-development-, access-production- and a UUID',
    {
      prefixes: ['access-sandbox-', 'access-development-', 'access-production-'],
      body: /[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}/,
      sample: sampleUuid(),
    },
  ),
  prefixed(
    'mercado-pago-token',
    'Mercado Pago access token',
    'mercadopago.com developers, Credentials: APP_USR-, TEST-, 16 digits, 6 digits, 32 hex',
    {
      prefixes: ['APP_USR-'],
      body: /[0-9]{12,18}-[0-9]{6}-[a-f0-9]{32}-[0-9]{6,12}/,
      sample: `${sample('digits', 16)}-${sample('digits', 6)}-${sample('hex', 32)}-${sample('digits', 9)}`,
    },
  ),
  prefixed(
    'midtrans-key',
    'Midtrans server key',
    'docs.midtrans.com, Access keys: Mid-server-, SB-Mid-server-',
    {
      prefixes: ['Mid-server-'],
      body: /[A-Za-z0-9_-]{24}/,
      alphabet: /[A-Za-z0-9_]/,
      sample: sample('base62', 24),
    },
  ),
  prefixed('xendit-key', 'Xendit secret key', 'docs.xendit.co, API keys: xnd_production_, xnd_development_', {
    prefixes: ['xnd_production_', 'xnd_development_'],
    body: /[A-Za-z0-9]{40,80}/,
    sample: sample('base62', 60),
  }),
  prefixed(
    'duffel-token',
    'Duffel access token',
    'duffel.com docs, Making requests: duffel_live_, duffel_test_',
    {
      prefixes: ['duffel_live_', 'duffel_test_'],
      body: /[A-Za-z0-9_-]{43}/,
      sample: sample('base62', 43),
    },
  ),
  prefixed(
    'easypost-key',
    'EasyPost API key',
    'docs.easypost.com, Authentication: EZAK (production), EZTK (test) and 54 characters',
    {
      prefixes: ['EZAK', 'EZTK'],
      body: /[A-Za-z0-9]{54}/,
      sample: sample('base62', 54),
    },
  ),
  prefixed(
    'shippo-token',
    'Shippo API token',
    'docs.goshippo.com, Authentication: shippo_live_, shippo_test_ and 40 hex',
    {
      prefixes: ['shippo_live_', 'shippo_test_'],
      body: /[a-f0-9]{40}/,
      sample: sample('hex', 40),
    },
  ),
  prefixed(
    'paddle-key',
    'Paddle API key',
    'developer.paddle.com, API keys: pdl_live_apikey_, pdl_sdbx_apikey_',
    {
      prefixes: ['pdl_live_apikey_', 'pdl_sdbx_apikey_'],
      body: /[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}/,
      sample: `${sample('lowerDigits', 26)}_${sample('base62', 22)}_${sample('base62', 3)}`,
    },
  ),
  prefixed('polar-token', 'Polar access token', 'docs.polar.sh, Authentication: polar_oat_, polar_pat_', {
    prefixes: ['polar_oat_', 'polar_pat_'],
    body: /[A-Za-z0-9_-]{37,60}/,
    sample: sample('base62', 43),
  }),
  tokenOf({
    id: 'lob-key',
    title: 'Lob API key',
    source: 'docs.lob.com, API keys: live_ or test_ and 35 hex, beside its name',
    names: ['lob_', 'lob.'],
    value: /(?:live|test)_[a-f0-9]{35}/,
    hit: [inParts('LOB_API_KEY=test', '_', sample('hex', 35))],
    miss: ['LOB_API_KEY=test_key', `LOB_API_KEY=test_${'0'.repeat(35)}`],
  }),
  tokenOf({
    id: 'gocardless-token',
    title: 'GoCardless access token',
    source: 'developer.gocardless.com, Making requests: live_ or sandbox_ and 40 characters, beside its name',
    names: ['gocardless'],
    value: /(?:live|sandbox)_[A-Za-z0-9_-]{40}/,
    hit: [inParts('gocardless_token: live', '_', sample('base62', 40))],
    miss: ['gocardless_token: live_token'],
  }),
  tokenOf({
    id: 'paypal-client-secret',
    title: 'PayPal client secret',
    source: 'developer.paypal.com, Get started: E and 79 characters of base64url, beside its name',
    names: ['paypal'],
    value: /E[A-Za-z0-9_-]{79}/,
    hit: [`PAYPAL_CLIENT_SECRET=E${sample('base62', 79)}`],
    miss: ['PAYPAL_CLIENT_SECRET=Example'],
  }),
];

function mixedCase(value: string): 'medium' | null {
  const body = value.slice(5);
  return /[A-Z]/.test(body) && /[a-z]/.test(body) && /[0-9]/.test(body) ? 'medium' : null;
}
