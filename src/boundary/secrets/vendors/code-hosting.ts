import type { LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { sample, sampleUuid } from '../sample.ts';
import { prefixed, token } from '../token.ts';

/** Source hosting, CI, package registries, infrastructure as code. */
export const codeHostingDetectors: readonly LiteralDetector[] = [
  prefixed(
    'gitlab-runner-registration-token',
    'GitLab runner registration token',
    'docs.gitlab.com, Token overview: GR1348941 and 20 characters',
    {
      prefixes: ['GR1348941'],
      body: /[A-Za-z0-9_-]{20}/,
      sample: sample('base62', 20),
    },
  ),
  prefixed(
    'bitbucket-app-password',
    'Bitbucket app password',
    'support.atlassian.com, App passwords; GitHub secret scanning: ATBB',
    {
      prefixes: ['ATBB'],
      body: /[A-Za-z0-9]{24}[A-F0-9]{8}/,
      sample: sample('base62', 24) + sample('hex', 8).toUpperCase(),
    },
  ),
  prefixed(
    'atlassian-api-token',
    'Atlassian API token',
    'support.atlassian.com, API tokens: ATATT3 (user), ATCTT3 (Bitbucket), ATSTT3 (service), a CRC-32 in hex at the end',
    {
      prefixes: ['ATATT3', 'ATCTT3', 'ATSTT3'],
      body: /[A-Za-z0-9_-]{40,300}(?:=[A-F0-9]{8})?/,
      sample: `xFfGF0${sample('base62', 170)}=${sample('hex', 8).toUpperCase()}`,
    },
  ),
  prefixed(
    'trello-token',
    'Trello API token',
    'developer.atlassian.com, Trello authorization: ATTA and 72 characters',
    {
      prefixes: ['ATTA'],
      body: /[A-Za-z0-9]{72}/,
      sample: sample('base62', 72),
    },
  ),
  prefixed(
    'pypi-token',
    'PyPI API token',
    'warehouse.pypa.io, Token scanning: pypi- and a macaroon of pypi.org or test.pypi.org',
    {
      prefixes: ['pypi-AgEIcHlwaS5vcmc', 'pypi-AgENdGVzdC5weXBpLm9yZw'],
      body: /[A-Za-z0-9_-]{50,1024}/,
      sample: sample('base62', 150),
    },
  ),
  prefixed('rubygems-key', 'RubyGems API key', 'guides.rubygems.org, API key scopes: rubygems_ and 48 hex', {
    prefixes: ['rubygems_'],
    body: /[a-f0-9]{48}/,
    sample: sample('hex', 48),
  }),
  prefixed(
    'nuget-key',
    'NuGet API key',
    'learn.microsoft.com, NuGet scoped API keys; GitHub secret scanning: oy2 and 43 characters',
    {
      prefixes: ['oy2'],
      body: /[a-z0-9]{43}/,
      sample: sample('lowerDigits', 43),
    },
  ),
  prefixed(
    'docker-token',
    'Docker Hub access token',
    'docs.docker.com, Access tokens: dckr_pat_ (personal), dckr_oat_ (organisation)',
    {
      prefixes: ['dckr_pat_', 'dckr_oat_'],
      body: /[A-Za-z0-9_-]{27,32}/,
      sample: sample('base62', 27),
    },
  ),
  prefixed(
    'docker-swarm-token',
    'Docker Swarm join token or unlock key',
    'docs.docker.com, swarm join-token and unlock-key: SWMTKN-1-, SWMKEY-1-',
    {
      prefixes: ['SWMTKN-1-', 'SWMKEY-1-'],
      body: /[A-Za-z0-9+/]{43,50}(?:-[a-z0-9]{25})?/,
      alphabet: /[A-Za-z0-9+/]/,
      sample: `${sample('lowerDigits', 50)}-${sample('lowerDigits', 25)}`,
    },
  ),
  prefixed('crates-io-token', 'crates.io API token', 'rust-lang/crates.io, token.rs: cio and 32 characters', {
    prefixes: ['cio'],
    body: /[A-Za-z0-9]{32}/,
    sample: sample('base62', 32),
  }),
  prefixed(
    'clojars-token',
    'Clojars deploy token',
    'github.com/clojars/clojars-web wiki, Deploy tokens: CLOJARS_ and 60 hex',
    {
      prefixes: ['CLOJARS_'],
      body: /[a-z0-9]{60}/,
      sample: sample('hex', 60),
    },
  ),
  prefixed(
    'artifactory-key',
    'JFrog Artifactory API key',
    'jfrog.com help, API key; GitHub secret scanning: AKC',
    {
      prefixes: ['AKCp'],
      body: /[A-Za-z0-9]{69}/,
      sample: sample('base62', 69),
    },
  ),
  prefixed(
    'artifactory-reference-token',
    'JFrog reference token',
    'jfrog.com help, Reference tokens: base64 of "reftkn"',
    {
      prefixes: ['cmVmdGtu'],
      body: /[A-Za-z0-9]{56}/,
      sample: sample('base62', 56),
    },
  ),
  prefixed('openvsx-token', 'Open VSX access token', 'eclipse/openvsx, access tokens: ovsxat_, ovsxp_', {
    prefixes: ['ovsxat_', 'ovsxp_'],
    body: /[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}/,
    sample: sampleUuid(),
  }),
  prefixed(
    'circleci-token',
    'CircleCI API token',
    'circleci.com docs, API tokens: CCIPAT_ (personal), CCIPRJ_ (project)',
    {
      prefixes: ['CCIPAT_', 'CCIPRJ_'],
      body: /[A-Za-z0-9]{20,24}_[a-f0-9]{40}/,
      sample: `${sample('base62', 22)}_${sample('hex', 40)}`,
    },
  ),
  prefixed(
    'buildkite-token',
    'Buildkite token',
    'buildkite.com docs, Token security: bkua_ (user), bkpt_, bkct_, bkat_, bkaj_',
    {
      prefixes: ['bkua_', 'bkpt_', 'bkct_', 'bkat_', 'bkaj_'],
      body: /[A-Za-z0-9]{40,64}/,
      sample: sample('hex', 40),
    },
  ),
  prefixed(
    'sonar-token',
    'SonarQube or SonarCloud token',
    'docs.sonarsource.com, Managing tokens: squ_ (user), sqp_ (project), sqa_ (global)',
    {
      prefixes: ['squ_', 'sqp_', 'sqa_'],
      body: /[a-f0-9]{40}/,
      sample: sample('hex', 40),
    },
  ),
  prefixed(
    'sourcegraph-token',
    'Sourcegraph access token',
    'sourcegraph.com docs, Token formats: sgp_, sgd_ and 40 hex',
    {
      prefixes: ['sgp_', 'sgd_'],
      body: /(?:(?:local|[a-f0-9]{16})_)?[a-f0-9]{40}/,
      sample: sample('hex', 40),
    },
  ),
  prefixed('pulumi-token', 'Pulumi access token', 'pulumi.com docs, Access tokens: pul- and 40 hex', {
    prefixes: ['pul-'],
    body: /[a-f0-9]{40}/,
    sample: sample('hex', 40),
  }),
  token({
    id: 'terraform-token',
    title: 'HCP Terraform API token',
    source: 'developer.hashicorp.com, API tokens: 14 characters, .atlasv1., 67 characters',
    literals: ['.atlasv1.'],
    lead: 14,
    pattern: /[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}={0,2}/y,
    alphabet: /[A-Za-z0-9_-]/,
    hit: [
      inParts(sample('base62', 14), '.atlas', 'v1.', sample('base62', 67)),
      inParts('TOKEN=', sample('base62', 14), '.atlas', 'v1.', sample('base62', 67)),
    ],
    miss: ['xxxxxxxxxxxxxx.atlasv1.zzzzzzzzzzzzz', `${'x'.repeat(14)}.atlasv1.${'z'.repeat(67)}`],
  }),
  prefixed('postman-key', 'Postman API key', 'learning.postman.com, Postman API: PMAK-, 24 hex, -, 34 hex', {
    prefixes: ['PMAK-'],
    body: /[a-f0-9]{24}-[a-f0-9]{34}/,
    sample: `${sample('hex', 24)}-${sample('hex', 34)}`,
  }),
  prefixed(
    'postman-collection-key',
    'Postman collection access key',
    'learning.postman.com, Share collections by API: PMAT-',
    {
      prefixes: ['PMAT-'],
      body: /[0-9A-Z]{26}/,
      sample: sample('upperDigits', 26),
    },
  ),
  prefixed(
    'octopus-key',
    'Octopus Deploy API key',
    'octopus.com docs, How to create an API key: API- and 25 to 32 capitals and digits',
    {
      prefixes: ['API-'],
      body: /[A-Z0-9]{25,32}/,
      sample: sample('upperDigits', 32),
      check: hasDigits,
    },
  ),
  token({
    id: 'harness-token',
    title: 'Harness personal or service token',
    source: 'developer.harness.io, API keys: pat. or sat., account id of 22, 24 hex, 20 characters',
    literals: ['pat.', 'sat.'],
    pattern: /[ps]at\.[A-Za-z0-9_-]{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20}/y,
    hit: [inParts('pat', '.', sample('base62', 22), '.', sample('hex', 24), '.', sample('base62', 20))],
    miss: ['pat.example.com', `pat.${'x'.repeat(22)}.${'0'.repeat(24)}.${'y'.repeat(20)}`],
  }),
  prefixed(
    'launchdarkly-key',
    'LaunchDarkly access token or SDK key',
    'launchdarkly.com docs, API access tokens (api-) and Keys (sdk-)',
    {
      prefixes: ['api-', 'sdk-'],
      body: /[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}/,
      sample: sampleUuid(),
    },
  ),
  prefixed('raycast-token', 'Raycast access token', 'GitHub secret scanning partner list, Raycast: rca_', {
    prefixes: ['rca_', 'rct_'],
    body: /[a-f0-9]{64}/,
    sample: sample('hex', 64),
  }),
  prefixed('wakatime-key', 'WakaTime API key', 'wakatime.com developers, Authentication: waka_ and a UUID', {
    prefixes: ['waka_', 'waka_tok_'],
    body: /(?:[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}|[A-Za-z0-9]{60,100})/,
    sample: sampleUuid(),
  }),
  prefixed(
    'ionic-token',
    'Ionic personal access token',
    'ionic.io docs, Personal access tokens: ion_ and 42 characters',
    {
      prefixes: ['ion_'],
      body: /[a-z0-9]{42}/,
      sample: sample('lowerDigits', 42),
    },
  ),
  prefixed(
    'lichess-token',
    'Lichess access token',
    'lichess.org API, Authentication: lip_ (personal), lio_ (OAuth)',
    {
      prefixes: ['lip_', 'lio_'],
      body: /[A-Za-z0-9]{20,32}/,
      sample: sample('base62', 20),
      check: hasDigits,
    },
  ),
  prefixed(
    'django-secret-key',
    'Django secret key, as generated',
    'docs.djangoproject.com, startproject: django-insecure- and 50 characters',
    {
      prefixes: ['django-insecure-'],
      body: /[a-z0-9!@#$%^&*(_=+)-]{50}/,
      alphabet: /[A-Za-z0-9]/,
      sample: sample('lowerDigits', 50),
    },
  ),
  prefixed(
    'laravel-app-key',
    'Laravel application key',
    'laravel.com docs, Encryption: APP_KEY=base64: and 32 bytes',
    {
      prefixes: ['APP_KEY=base64:'],
      body: /[A-Za-z0-9+/]{43}=/,
      alphabet: /[A-Za-z0-9+/]/,
      sample: `${sample('base62', 43)}=`,
    },
  ),
];

function hasDigits(value: string): 'high' | null {
  return /[0-9].*[0-9]/.test(value) ? 'high' : null;
}
