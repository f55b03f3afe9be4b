import { DURATION_PATTERN, SIZE_PATTERN } from '../quantity.ts';
import { documentSchema } from './parts.ts';

/** A container image that tools may name: built from a folder of `sandbox-images/`, or pinned by digest. */
export const imageSchema = documentSchema('Image', {
  type: 'object',
  additionalProperties: false,
  properties: {
    build: {
      type: 'string',
      pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
      description: 'the name of a folder under sandbox-images/',
    },
    digest: {
      type: 'string',
      pattern: '^([a-z0-9][a-z0-9._:/-]{0,254}@)?sha256:[0-9a-f]{64}$',
      description:
        'sha256:<64 hex digits> or repository@sha256:<64 hex digits> (a tag can change under your feet)',
    },
    entry: { enum: ['json', 'script'], default: 'json' },
    warm: {
      type: 'object',
      additionalProperties: false,
      required: ['ceiling', 'memory'],
      description:
        'idle containers kept for each size that tools of this image declare; without it, each starts when its call comes',
      properties: {
        floor: { type: 'integer', minimum: 0, maximum: 16, default: 0, description: 'always kept' },
        ceiling: { type: 'integer', minimum: 1, maximum: 16, description: 'at most, under load' },
        memory: {
          type: 'string',
          pattern: SIZE_PATTERN,
          description: 'what all idle ones together may hold, such as 256MiB',
        },
      },
    },
    sessions: {
      type: 'object',
      additionalProperties: false,
      description:
        'containers that keep their state from call to call, each for one principal; without it, there are none of this image',
      properties: {
        idle: {
          type: 'string',
          pattern: DURATION_PATTERN,
          default: '10m',
          description: 'ends when nothing was asked of it for so long; a request may ask for less',
        },
        lifetime: {
          type: 'string',
          pattern: DURATION_PATTERN,
          default: '1h',
          description: 'ends in any case after so long, 24h at most; a request may ask for less',
        },
        perPrincipal: {
          type: 'integer',
          minimum: 1,
          maximum: 64,
          default: 2,
          description: 'how many of this image one principal may hold at once',
        },
        perTenant: {
          type: 'integer',
          minimum: 1,
          maximum: 1024,
          description:
            'how many of this image all principals of one tenant together may hold at once; 8, or perPrincipal where that is more, unless it is said',
        },
      },
    },
  },
  oneOf: [{ required: ['build'] }, { required: ['digest'] }],
});
