import type { LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { notFiller } from '../../randomness.ts';
import { sample, sampleUuid } from '../sample.ts';
import { prefixed, token, tokenOf } from '../token.ts';

/** Documents, design, project and customer management. */
export const productivityDetectors: readonly LiteralDetector[] = [
  prefixed(
    'notion-token',
    'Notion integration token',
    'developers.notion.com, Authentication: ntn_ and 46 characters; before 2024 secret_ and 43',
    {
      prefixes: ['ntn_'],
      body: /[A-Za-z0-9]{46}/,
      sample: sample('base62', 46),
    },
  ),
  prefixed(
    'notion-legacy-token',
    'Notion integration token (before 2024)',
    'developers.notion.com, Authentication: secret_ and 43 characters',
    {
      prefixes: ['secret_'],
      body: /[A-Za-z0-9]{43}/,
      sample: sample('base62', 43),
    },
  ),
  prefixed(
    'linear-key',
    'Linear API key or OAuth token',
    'linear.app developers, Authentication: lin_api_ and 40 characters, lin_oauth_ and 64 hex',
    {
      prefixes: ['lin_api_', 'lin_oauth_'],
      body: /[A-Za-z0-9]{40,64}/,
      sample: sample('base62', 40),
    },
  ),
  token({
    id: 'airtable-token',
    title: 'Airtable personal access token',
    source: 'airtable.com developers, Personal access tokens: pat, 14 characters, ., 64 hex',
    literals: ['pat'],
    pattern: /pat[A-Za-z0-9]{14}\.[a-f0-9]{64}/y,
    hit: [inParts('pat', sample('base62', 14), '.', sample('hex', 64))],
    miss: ['patternRecognition.length', `pat${'x'.repeat(14)}.${'0'.repeat(64)}`],
  }),
  prefixed(
    'figma-token',
    'Figma token',
    'figma.com developers, Authentication: figd_ (personal), figu_, figo_ (OAuth), figor_',
    {
      prefixes: ['figd_', 'figu_', 'figo_', 'figor_', 'figoh_'],
      body: /[A-Za-z0-9_-]{40}/,
      sample: sample('base62', 40),
    },
  ),
  prefixed(
    'clickup-token',
    'ClickUp personal token',
    'developer.clickup.com, Authentication: pk_, a number, _, 32 capitals and digits',
    {
      prefixes: ['pk_'],
      body: /[0-9]{4,10}_[A-Z0-9]{32}/,
      sample: `12345678_${sample('upperDigits', 32)}`,
    },
  ),
  prefixed(
    'typeform-token',
    'Typeform personal access token',
    'typeform.com developers, Personal access tokens: tfp_',
    {
      prefixes: ['tfp_'],
      body: /[A-Za-z0-9_.=-]{43,60}/,
      alphabet: /[A-Za-z0-9_.=-]/,
      sample: sample('base62', 59),
    },
  ),
  prefixed(
    'contentful-token',
    'Contentful personal access token',
    'contentful.com developers, Authentication: CFPAT- and 43 characters',
    {
      prefixes: ['CFPAT-'],
      body: /[A-Za-z0-9_-]{43}/,
      sample: sample('base62', 43),
    },
  ),
  prefixed('readme-key', 'ReadMe API key', 'docs.readme.com, Authentication: rdme_ and 70 characters', {
    prefixes: ['rdme_'],
    body: /[a-z0-9]{70}/,
    sample: sample('lowerDigits', 70),
  }),
  token({
    id: 'hubspot-token',
    title: 'HubSpot private app token',
    source: 'developers.hubspot.com, Private apps: pat-, region, -, UUID',
    literals: ['pat-na', 'pat-eu', 'pat-ap'],
    pattern: /pat-(?:na|eu|ap)[0-9]{1,2}-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}/y,
    hit: [inParts('pat-', 'na1-', sampleUuid())],
    miss: ['pat-na1-your-token', 'pat-europe'],
  }),
  token({
    id: 'salesforce-session',
    title: 'Salesforce session id or access token',
    source: 'help.salesforce.com, OAuth tokens: 00D, the organisation id, !, the session',
    literals: ['00D'],
    pattern: /00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?![A-Za-z0-9._]{80,200}/y,
    alphabet: /[A-Za-z0-9._]/,
    hit: [inParts('00D', sample('base62', 12), '!', sample('base62', 96))],
    miss: ['00D5e000000abcD', '00D000000000000!x'],
  }),
  token({
    id: 'asana-token',
    title: 'Asana personal access token',
    source: 'developers.asana.com, Personal access token: 1/ or 2/, numbers, :, 32 hex',
    literals: ['1/1', '2/1', '1/0'],
    pattern: /[12]\/[0-9]{15,17}(?:\/[0-9]{15,17})?:[a-f0-9]{32}/y,
    hit: [inParts('1/', '1', sample('digits', 15), ':', sample('hex', 32))],
    miss: ['1/1000000000000000', `1/1${sample('digits', 15)}:${'0'.repeat(32)}`],
  }),
  prefixed(
    'dropbox-token',
    'Dropbox access token',
    'dropbox.com developers, OAuth guide: sl. and 130 or more characters',
    {
      prefixes: ['sl.'],
      body: /(?:u\.)?[A-Za-z0-9_-]{130,2048}/,
      sample: sample('base62', 140),
    },
  ),
  prefixed(
    'flexport-token',
    'Flexport logistics token',
    'docs.logistics-api.flexport.com, Authentication: shltm_ and 40 characters',
    {
      prefixes: ['shltm_'],
      body: /[A-Za-z0-9_-]{40}/,
      sample: sample('base62', 40),
    },
  ),
  prefixed(
    'intra42-secret',
    '42 intra client secret',
    'api.intra.42.fr, Getting started: s-s4t2ud-, s-s4t2af- and 64 hex',
    {
      prefixes: ['s-s4t2ud-', 's-s4t2af-'],
      body: /[a-f0-9]{64}/,
      sample: sample('hex', 64),
    },
  ),
  prefixed(
    'canva-secret',
    'Canva Connect client secret',
    'canva.dev docs, Authentication; GitHub secret scanning: cnvca',
    {
      prefixes: ['cnvca'],
      body: /[A-Za-z0-9_-]{50,60}/,
      sample: sample('base62', 51),
    },
  ),
  prefixed(
    'pinterest-token',
    'Pinterest access token',
    'developers.pinterest.com, Authentication: pina_ (access), pinr. (refresh)',
    {
      prefixes: ['pina_', 'pinr.'],
      body: /[A-Za-z0-9_-]{40,200}/,
      sample: sample('base62', 90),
    },
  ),
  tokenOf({
    id: 'zendesk-token',
    title: 'Zendesk API token',
    source: 'developer.zendesk.com, API token: 40 letters and digits beside its name',
    names: ['zendesk'],
    value: /[A-Za-z0-9]{40}/,
    hit: [`ZENDESK_API_TOKEN=${sample('base62', 40)}`],
    miss: ['ZENDESK_API_TOKEN=token', `zendesk commit ${sample('hex', 40)}`],
  }),
  tokenOf({
    id: 'spotify-client-secret',
    title: 'Spotify client secret',
    source: 'developer.spotify.com, Apps: 32 hex beside its name',
    names: ['spotify'],
    value: /[a-f0-9]{32}/,
    hit: [`SPOTIFY_CLIENT_SECRET=${sample('hex', 32)}`],
    miss: [`spotify playlist ${sample('hex', 32)}`, 'SPOTIFY_CLIENT_SECRET='],
  }),
  tokenOf({
    id: 'twitch-secret',
    title: 'Twitch client secret or token',
    source: 'dev.twitch.tv, Authentication: 30 lower-case letters and digits beside its name',
    names: ['twitch'],
    value: /(?:oauth:)?[a-z0-9]{30}/,
    hit: [`TWITCH_CLIENT_SECRET=${sample('lowerDigits', 30)}`],
    miss: ['TWITCH_CLIENT_SECRET=secret', `twitch token ${'a1'.repeat(3)}`],
  }),
  tokenOf({
    id: 'todoist-token',
    title: 'Todoist API token',
    source: 'developer.todoist.com, Authorization: 40 hex beside its name',
    names: ['todoist'],
    value: /[a-f0-9]{40}/,
    hit: [`TODOIST_API_TOKEN=${sample('hex', 40)}`],
    miss: [`todoist release ${sample('hex', 40)}`],
    check: notFiller,
  }),
];
