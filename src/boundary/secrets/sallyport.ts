import type { LiteralDetector } from '../detector.ts';
import { inParts, secretDefaults } from '../detector.ts';
import { notFiller } from '../randomness.ts';

export const sallyportDetectors: readonly LiteralDetector[] = [
  {
    ...secretDefaults,
    id: 'sallyport-key',
    title: 'API key of this server',
    source: 'Sallyport: spk_, the id, _, and 32 random bytes in base64url (43 characters)',
    literals: ['spk_'],
    format: {
      kind: 'pattern',
      pattern: /spk_[A-Za-z0-9-]{1,64}_[A-Za-z0-9_-]{43}/y,
      alphabet: /[A-Za-z0-9]/,
      check: notFiller,
    },
    examples: {
      hit: [inParts('spk', '_01JABCDEFG_', 'n3Vx8Qk-Zr0pQmV4nXk2_LtYc7WbH9sDfJ6uEaGi1oM')],
      miss: ['spk_<id>_<secret>', 'spk_id_' + 'x'.repeat(43), 'spk_01JABCDEFG_tooshort', 'spk_speaker_table'],
    },
  },
];
