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
  },
  oneOf: [{ required: ['build'] }, { required: ['digest'] }],
});
