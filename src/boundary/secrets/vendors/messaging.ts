import type { Confidence, LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { notFiller } from '../../randomness.ts';
import { sample, sampleUuid } from '../sample.ts';
import { prefixed, token, tokenOf } from '../token.ts';

/** Chat, mail, telephony and their webhooks. */
export const messagingDetectors: readonly LiteralDetector[] = [
  token({
    id: 'discord-bot-token',
    title: 'Discord bot token',
    source:
      'docs.discord.com, Reference, Authentication: base64 of the user id (a decimal number), ., 6, ., 27 or more',
    literals: discordStarts(),
    pattern: /[MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}/y,
    alphabet: /[A-Za-z0-9_-]/,
    check: beginsWithNumber,
    hit: [inParts('MTE5', 'NjQ4MTgyMzU2NzIzNDU2Nw', '.', 'GxYz12', '.', sample('base62', 38))],
    miss: [
      'MTaaaaaaaaaaaaaaaaaaaaaa.aaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaa',
      'NDimensionalArrayIterators.create.theIteratorOfTheWholeThing',
    ],
  }),
  token({
    id: 'discord-webhook',
    title: 'Discord webhook',
    source: 'docs.discord.com, Webhook resource: /api/webhooks/{id}/{token of 68 characters}',
    literals: ['discord.com/api/webhooks/', 'discordapp.com/api/webhooks/'],
    pattern: /discord(?:app)?\.com\/api\/webhooks\/[0-9]{17,20}\/[A-Za-z0-9_-]{60,80}/y,
    alphabet: /[A-Za-z0-9_-]/,
    hit: [inParts('https://discord', '.com/api/webhooks/', sample('digits', 18), '/', sample('base62', 68))],
    miss: ['https://discord.com/api/webhooks/{webhook.id}/{webhook.token}'],
  }),
  token({
    id: 'telegram-bot-token',
    title: 'Telegram bot token',
    source: 'core.telegram.org, Bot API, Authorizing your bot: the id, :, 35 characters that start with AA',
    literals: [':AA'],
    // Ids have 8 to 10 digits and are public: the last 8 are enough to know one by.
    lead: 8,
    pattern: /[0-9]{8}:AA[A-Za-z0-9_-]{33}/y,
    alphabet: /[A-Za-z_-]/,
    check: (value) => notFiller(value.slice(11)),
    hit: [inParts('5', sample('digits', 9), ':AA', sample('base62', 33))],
    miss: ['12:AAbbccddeeff00112233445566778899aabb', `123456789:AA${'x'.repeat(33)}`, 'MAC 00:AA:BB:CC'],
  }),
  token({
    id: 'teams-webhook',
    title: 'Microsoft Teams incoming webhook',
    source:
      'learn.microsoft.com, Teams, Create incoming webhooks: {tenant}.webhook.office.com/webhookb2/…/IncomingWebhook/…',
    literals: ['webhook.office.com/webhookb2/'],
    pattern:
      /webhook\.office\.com\/webhookb2\/[a-f0-9-]{36}@[a-f0-9-]{36}\/IncomingWebhook\/[a-f0-9]{32}\/[a-f0-9-]{36}/y,
    hit: [
      inParts(
        'https://acme.webhook.office',
        `.com/webhookb2/${sampleUuid(1)}@${sampleUuid(2)}/IncomingWebhook/${sample('hex', 32)}/${sampleUuid(3)}`,
      ),
    ],
    miss: ['https://acme.webhook.office.com/webhookb2/{guid}@{guid}/IncomingWebhook/{id}/{guid}'],
  }),
  token({
    id: 'zapier-webhook',
    title: 'Zapier catch hook',
    source: 'help.zapier.com, Trigger Zaps from webhooks: hooks.zapier.com/hooks/catch/{account}/{hook}',
    literals: ['hooks.zapier.com/hooks/catch/'],
    pattern: /hooks\.zapier\.com\/hooks\/catch\/[0-9]{4,10}\/[a-z0-9]{6,10}/y,
    hit: [inParts('https://hooks.zapier', '.com/hooks/catch/1234567/', 'q7lm2vt')],
    miss: ['https://hooks.zapier.com/hooks/catch/<account>/<hook>'],
  }),
  token({
    id: 'google-chat-webhook',
    title: 'Google Chat webhook',
    source:
      'developers.google.com, Chat, Build a webhook: chat.googleapis.com/v1/spaces/{space}/messages?key=…&token=…',
    literals: ['chat.googleapis.com/v1/spaces/'],
    pattern:
      /chat\.googleapis\.com\/v1\/spaces\/[A-Za-z0-9_-]{8,20}\/messages\?key=[A-Za-z0-9_-]{30,50}&token=[A-Za-z0-9_%=-]{30,80}/y,
    alphabet: /[A-Za-z0-9_%=-]/,
    hit: [
      inParts(
        'https://chat.googleapis',
        `.com/v1/spaces/${sample('base62', 11)}/messages?key=AIza`,
        `${sample('base62', 35)}&token=${sample('base62', 43)}`,
      ),
    ],
    miss: ['https://chat.googleapis.com/v1/spaces/SPACE_ID/messages?key=KEY&token=TOKEN'],
  }),
  prefixed(
    'sendgrid-key',
    'SendGrid API key',
    'twilio.com docs, SendGrid API keys: SG., 22 characters, ., 43 characters',
    {
      prefixes: ['SG.'],
      body: /[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/,
      sample: `${sample('base62', 22)}.${sample('base62', 43)}`,
    },
  ),
  prefixed('mailgun-key', 'Mailgun API key', 'documentation.mailgun.com, Authentication: key- and 32 hex', {
    prefixes: ['key-'],
    body: /[a-f0-9]{32}/,
    sample: sample('hex', 32),
  }),
  tokenOf({
    id: 'mailgun-sending-key',
    title: 'Mailgun sending or account key',
    source: 'documentation.mailgun.com, Authentication: 32 hex, -, 8 hex, -, 8 hex, beside its name',
    names: ['mailgun', 'mg_'],
    value: /[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}/,
    hit: [`MAILGUN_API_KEY=${sample('hex', 32)}-${sample('hex', 8, 2)}-${sample('hex', 8, 3)}`],
    miss: ['MAILGUN_API_KEY=key', `mailgun domain ${sample('hex', 32)}`],
  }),
  token({
    id: 'mailchimp-key',
    title: 'Mailchimp API key',
    source: 'mailchimp.com developer, API keys: 32 hex, -us, data centre',
    literals: ['-us1', '-us2', '-us3', '-us4', '-us5', '-us6', '-us7', '-us8', '-us9'],
    lead: 32,
    pattern: /[a-f0-9]{32}-us[0-9]{1,2}/y,
    hit: [inParts(sample('hex', 32), '-us', '14')],
    miss: [`${'0'.repeat(32)}-us1`, 'region-us1', `${sample('hex', 31)}-us1`],
  }),
  prefixed(
    'mailchimp-transactional-key',
    'Mailchimp Transactional (Mandrill) API key',
    'mailchimp.com developer, Transactional API: md- and 22 characters',
    {
      prefixes: ['md-'],
      body: /[A-Za-z0-9_-]{22}/,
      sample: sample('base62', 22),
      check: (value) => (/[0-9].*[0-9]/.test(value) && /[A-Z]/.test(value) ? notFiller(value) : null),
    },
  ),
  prefixed(
    'mailersend-token',
    'MailerSend API token',
    'developers.mailersend.com, Authentication: mlsn. and 64 hex',
    {
      prefixes: ['mlsn.'],
      body: /[a-f0-9]{64}/,
      sample: sample('hex', 64),
    },
  ),
  prefixed(
    'brevo-key',
    'Brevo API or SMTP key',
    'developers.brevo.com, Authentication: xkeysib-, xsmtpsib-, 64 hex, -, 16 characters',
    {
      prefixes: ['xkeysib-', 'xsmtpsib-'],
      body: /[a-f0-9]{64}-[A-Za-z0-9]{16}/,
      sample: `${sample('hex', 64)}-${sample('base62', 16)}`,
    },
  ),
  prefixed('resend-key', 'Resend API key', 'resend.com docs, API keys: re_, 8, _, 24 or more', {
    prefixes: ['re_'],
    body: /[A-Za-z0-9]{8}_[A-Za-z0-9]{24,28}/,
    alphabet: /[A-Za-z0-9_]/,
    sample: `${sample('base62', 8)}_${sample('base62', 24)}`,
    check: (value) => (/[0-9]/.test(value) && /[A-Z]/.test(value) ? notFiller(value) : null),
  }),
  tokenOf({
    id: 'postmark-token',
    title: 'Postmark server or account token',
    source: 'postmarkapp.com developer, Authentication: a UUID in X-Postmark-Server-Token',
    names: ['postmark'],
    value: /[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}/,
    hit: [`X-Postmark-Server-Token: ${sampleUuid()}`],
    miss: [`postmark message id ${sampleUuid()}`, 'X-Postmark-Server-Token: <token>'],
  }),
  token({
    id: 'twilio-api-key-sid',
    title: 'Twilio API key SID',
    source: 'twilio.com docs, API keys and SIDs: SK and 32 hex',
    literals: hexStarts('SK'),
    pattern: /SK[a-f0-9]{32}/y,
    hit: [inParts('SK', sample('hex', 32))],
    miss: [`SK${'0'.repeat(32)}`, 'SKeleton', `TASK${sample('hex', 32)}`],
  }),
  tokenOf({
    id: 'twilio-auth-token',
    title: 'Twilio auth token or key secret',
    source: 'twilio.com docs, Auth tokens: 32 hex beside its name; key secrets 32 letters and digits',
    names: ['twilio'],
    value: /[A-Za-z0-9]{32}/,
    hit: [`TWILIO_AUTH_TOKEN=${sample('hex', 32)}`, `"twilioApiSecret": "${sample('base62', 32)}"`],
    miss: ['TWILIO_AUTH_TOKEN=your_auth_token', `twilio message ${sample('hex', 32)}`],
  }),
  prefixed(
    'telnyx-key',
    'Telnyx API key',
    'developers.telnyx.com, API keys v2: KEY0, hex, _, 22 characters',
    {
      prefixes: ['KEY0'],
      body: /[0-9A-F]{31}_[A-Za-z0-9]{22}/,
      sample: `${sample('hex', 31).toUpperCase()}_${sample('base62', 22)}`,
    },
  ),
  prefixed(
    'intercom-token',
    'Intercom access token',
    'developers.intercom.com, Authentication: base64 of "tok:"',
    {
      prefixes: ['dG9rOj'],
      body: /[A-Za-z0-9+/]{40,80}={0,2}/,
      alphabet: /[A-Za-z0-9+/]/,
      sample: `${sample('base62', 54)}=`,
    },
  ),
  tokenOf({
    id: 'facebook-app-secret',
    title: 'Facebook app secret',
    source: 'developers.facebook.com, App settings: 32 hex beside its name',
    names: ['facebook', 'fb_app'],
    value: /[a-f0-9]{32}/,
    hit: [`FACEBOOK_APP_SECRET=${sample('hex', 32)}`],
    miss: ['FACEBOOK_APP_SECRET=secret', `facebook page ${sample('hex', 32)}`],
  }),
  token({
    id: 'meta-access-token',
    title: 'Meta (Facebook, Instagram) access token',
    source: 'developers.facebook.com, Access tokens: EAA; developers.facebook.com/instagram: IGQ, IGAA',
    literals: ['EAA', 'IGQV', 'IGAA'],
    pattern: /(?:EAA[A-Z]|IGQV|IGAA)[A-Za-z0-9]{90,400}(?:ZD)?/y,
    hit: [inParts('EAA', 'B', sample('base62', 170)), inParts('IGQV', sample('base62', 120))],
    miss: [`EAAB${'x'.repeat(100)}`, 'EAAB', 'IGAA'],
  }),
  token({
    id: 'twitter-bearer-token',
    title: 'X (Twitter) app-only bearer token',
    source: 'docs.x.com, App-only authentication: 21 or 22 times A, then percent-encoded base64',
    literals: ['AAAAAAAAAAAAAAAAAAAAA'],
    pattern: /A{20,22}[B-Za-z0-9][A-Za-z0-9%]{60,200}/y,
    alphabet: /[A-Za-z0-9%+/]/,
    check: (value) => notFiller(value.slice(22)),
    hit: [inParts('AAAAAAAAAAAAAAAAAAAAA', 'M', sample('base62', 85))],
    miss: ['A'.repeat(120), `${'A'.repeat(200)}${sample('base62', 60)}`],
  }),
];

/** Decimal numbers in base64 begin with these, the first digit not 0 (RFC 4648 §4). */
function discordStarts(): string[] {
  return ['MD', 'MT', 'Mj', 'Mz', 'ND', 'NT', 'Nj', 'Nz', 'OD', 'OT'].flatMap((start) =>
    [...'AEIMQUYcgk'].map((third) => start + third),
  );
}

function beginsWithNumber(value: string): Confidence | null {
  const id = Buffer.from(value.slice(0, value.indexOf('.')), 'base64').toString('latin1');
  return /^[0-9]{17,20}$/.test(id) ? notFiller(value) : null;
}

function hexStarts(prefix: string): string[] {
  return [...'0123456789abcdef'].map((digit) => prefix + digit);
}
