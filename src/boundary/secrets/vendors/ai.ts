import type { LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { notFiller } from '../../randomness.ts';
import { sample, sampleUuid } from '../sample.ts';
import { prefixed, token } from '../token.ts';

/** Model providers, inference, vector stores and agent services. */
export const aiDetectors: readonly LiteralDetector[] = [
  prefixed(
    'openrouter-key',
    'OpenRouter API key',
    'openrouter.ai docs, Authentication: sk-or-v1- and 64 hex',
    {
      prefixes: ['sk-or-v1-'],
      body: /[a-f0-9]{64}/,
      sample: sample('hex', 64),
    },
  ),
  prefixed('groq-key', 'Groq API key', 'console.groq.com docs, API keys: gsk_ and 52 characters', {
    prefixes: ['gsk_'],
    body: /[A-Za-z0-9]{52}/,
    sample: sample('base62', 52),
  }),
  prefixed(
    'xai-key',
    'xAI API key',
    'docs.x.ai; GitHub secret scanning, xai_api_key: xai- and 80 characters',
    {
      prefixes: ['xai-'],
      body: /[A-Za-z0-9]{70,90}/,
      sample: sample('base62', 80),
    },
  ),
  prefixed('perplexity-key', 'Perplexity API key', 'docs.perplexity.ai, API key: pplx- and 48 characters', {
    prefixes: ['pplx-'],
    body: /[A-Za-z0-9]{48,56}/,
    sample: sample('base62', 48),
  }),
  prefixed(
    'huggingface-token',
    'Hugging Face token',
    'huggingface.co docs, User access tokens: hf_ (user), api_org_ (organisation)',
    {
      prefixes: ['hf_', 'api_org_'],
      body: /[A-Za-z0-9]{34,40}/,
      sample: sample('letters', 34),
    },
  ),
  prefixed('replicate-token', 'Replicate API token', 'replicate.com docs, HTTP API: r8_ and 37 characters', {
    prefixes: ['r8_'],
    body: /[A-Za-z0-9]{37}/,
    sample: sample('base62', 37),
  }),
  prefixed(
    'together-key',
    'Together AI API key',
    'docs.together.ai; GitHub secret scanning partner list: tgp_v1_',
    {
      prefixes: ['tgp_v1_'],
      body: /[A-Za-z0-9_-]{43}/,
      sample: sample('base62', 43),
    },
  ),
  prefixed(
    'fireworks-key',
    'Fireworks AI API key',
    'docs.fireworks.ai, API keys: fw_ and 22 to 24 characters',
    {
      prefixes: ['fw_'],
      body: /[A-Za-z0-9]{22,24}/,
      sample: sample('base62', 24),
      check: mixed,
      miss: ['fw_configuration_of_the_board', `fw_${'configurationsettings'}aaa`],
    },
  ),
  prefixed('nvidia-key', 'NVIDIA API key', 'docs.api.nvidia.com, API key: nvapi-', {
    prefixes: ['nvapi-'],
    body: /[A-Za-z0-9_-]{60,70}/,
    sample: sample('base62', 64),
  }),
  prefixed(
    'cerebras-key',
    'Cerebras API key',
    'inference-docs.cerebras.ai, Quickstart: csk- and 48 characters',
    {
      prefixes: ['csk-'],
      body: /[a-z0-9]{48}/,
      sample: sample('lowerDigits', 48),
    },
  ),
  prefixed('elevenlabs-key', 'ElevenLabs API key', 'elevenlabs.io docs, Authentication: sk_ and 48 hex', {
    prefixes: ['sk_'],
    body: /[a-f0-9]{48}/,
    sample: sample('hex', 48),
  }),
  prefixed(
    'langsmith-key',
    'LangSmith API key',
    'docs.smith.langchain.com, API keys: lsv2_pt_ (personal), lsv2_sk_ (service)',
    {
      prefixes: ['lsv2_pt_', 'lsv2_sk_'],
      body: /[a-f0-9]{32}_[a-f0-9]{10}/,
      sample: `${sample('hex', 32)}_${sample('hex', 10)}`,
    },
  ),
  prefixed('langfuse-key', 'Langfuse secret key', 'langfuse.com docs, Python SDK: sk-lf- and a UUID', {
    prefixes: ['sk-lf-'],
    body: /[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}/,
    sample: sampleUuid(),
  }),
  prefixed('pinecone-key', 'Pinecone API key', 'docs.pinecone.io, Authentication: pcsk_', {
    prefixes: ['pcsk_'],
    body: /[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}/,
    sample: `${sample('base62', 6)}_${sample('base62', 63)}`,
  }),
  prefixed('tavily-key', 'Tavily API key', 'docs.tavily.com, API reference: tvly-, tvly-dev-, tvly-prod-', {
    prefixes: ['tvly-'],
    body: /(?:dev-|prod-)?[A-Za-z0-9-]{32,60}/,
    alphabet: /[A-Za-z0-9-]/,
    sample: `dev-${sample('base62', 32)}`,
  }),
  prefixed('jina-key', 'Jina AI API key', 'jina.ai, API keys: jina_ and 60 characters', {
    prefixes: ['jina_'],
    body: /[a-f0-9]{32}[A-Za-z0-9_-]{26,30}/,
    sample: sample('hex', 32) + sample('base62', 28),
  }),
  prefixed('firecrawl-key', 'Firecrawl API key', 'docs.firecrawl.dev, Authentication: fc- and 32 hex', {
    prefixes: ['fc-'],
    body: /[a-f0-9]{32}/,
    sample: sample('hex', 32),
  }),
  prefixed('voyage-key', 'Voyage AI API key', 'docs.voyageai.com, API key: pa- and 43 characters', {
    prefixes: ['pa-'],
    body: /[A-Za-z0-9_-]{43}/,
    sample: sample('base62', 43),
    check: mixed,
  }),
  prefixed('e2b-key', 'E2B API key', 'e2b.dev docs, API key: e2b_ and 40 hex', {
    prefixes: ['e2b_'],
    body: /[a-f0-9]{40}/,
    sample: sample('hex', 40),
  }),
  prefixed(
    'modal-token',
    'Modal token id or secret',
    'modal.com docs, modal token: ak- (id) and as- (secret)',
    {
      prefixes: ['ak-', 'as-'],
      body: /[A-Za-z0-9]{22}/,
      sample: sample('base62', 22),
      check: mixed,
    },
  ),
  prefixed('apify-token', 'Apify API token', 'docs.apify.com, API: apify_api_ and 36 characters', {
    prefixes: ['apify_api_'],
    body: /[A-Za-z0-9]{34,38}/,
    sample: sample('base62', 36),
  }),
  prefixed(
    'llamacloud-key',
    'LlamaCloud API key',
    'docs.cloud.llamaindex.ai, API key: llx- and 48 characters',
    {
      prefixes: ['llx-'],
      body: /[A-Za-z0-9]{48}/,
      sample: sample('base62', 48),
    },
  ),
  prefixed('runpod-key', 'RunPod API key', 'docs.runpod.io, API keys: rpa_', {
    prefixes: ['rpa_'],
    body: /[A-Z0-9]{40}[A-Za-z0-9]{2,8}/,
    sample: sample('upperDigits', 40) + sample('lowerDigits', 6),
  }),
  prefixed('cursor-key', 'Cursor API key', 'docs.cursor.com, Admin API: key_ and 64 hex', {
    prefixes: ['key_'],
    body: /[a-f0-9]{64}/,
    sample: sample('hex', 64),
  }),
  prefixed('browserbase-key', 'Browserbase API key', 'docs.browserbase.com, API keys: bb_live_', {
    prefixes: ['bb_live_', 'bb_test_'],
    body: /[A-Za-z0-9_-]{27}/,
    sample: sample('base62', 27),
  }),
  prefixed('anyscale-key', 'Anyscale API key', 'docs.anyscale.com, API keys: esecret_, aph0_', {
    prefixes: ['esecret_', 'aph0_'],
    body: /[A-Za-z0-9]{24,64}/,
    sample: sample('base62', 40),
  }),
  prefixed(
    'vercel-ai-gateway-key',
    'Vercel AI Gateway API key',
    'vercel.com docs, AI Gateway authentication: vck_',
    {
      prefixes: ['vck_'],
      body: /[A-Za-z0-9]{56}/,
      sample: sample('base62', 56),
    },
  ),
  prefixed('mem0-key', 'Mem0 API key', 'docs.mem0.ai, Platform quickstart: m0- and 40 characters', {
    prefixes: ['m0-'],
    body: /[A-Za-z0-9]{40}/,
    sample: sample('base62', 40),
  }),
  prefixed('helicone-key', 'Helicone API key', 'docs.helicone.ai, Authentication: sk-helicone-', {
    prefixes: ['sk-helicone-', 'pk-helicone-'],
    body: /[a-z0-9]{7}-[a-z0-9]{7}-[a-z0-9]{7}-[a-z0-9]{7}/,
    sample: ['a1b2c3d', 'e4f5g6h', 'i7j8k9l', 'm0n1p2q'].join('-'),
  }),
  token({
    id: 'model-provider-key',
    title: 'API key of the form that DeepSeek, Moonshot, Stability AI and compatible servers use',
    source:
      'api-docs.deepseek.com (sk- and 32 hex); platform.moonshot.ai and platform.stability.ai (sk- and 48 characters)',
    literals: ['sk-'],
    pattern: /sk-(?:[a-f0-9]{32}|[A-Za-z0-9]{48,51})/y,
    alphabet: /[A-Za-z0-9_-]/,
    check: mixed,
    hit: [inParts('sk-', sample('hex', 32)), inParts('sk-', sample('base62', 48))],
    miss: ['sk-learn-contrib', `sk-${'x'.repeat(48)}`, `task-${sample('hex', 32)}`, 'sk-123'],
  }),
];

/** Words joined with `_` and `-` have no digits. */
function mixed(value: string): 'high' | null {
  return /[0-9].*[0-9]/.test(value.slice(3)) && notFiller(value) !== null ? 'high' : null;
}
