import type { Confidence, LiteralDetector } from '../detector.ts';
import { inParts, secretDefaults } from '../detector.ts';
import { entropyBits, notFiller } from '../randomness.ts';
import { separators } from './token.ts';

export const awsDetectors: readonly LiteralDetector[] = [
  {
    ...secretDefaults,
    id: 'aws-access-key-id',
    title: 'AWS access key id',
    source: 'AWS IAM User Guide, IAM identifiers, unique id prefixes (AKIA, ASIA, ABIA, ACCA)',
    literals: ['AKIA', 'ASIA', 'ABIA', 'ACCA'],
    format: {
      kind: 'pattern',
      pattern: /A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}/y,
      alphabet: /[A-Za-z0-9+]/,
      check: looksLikeKeyId,
    },
    examples: {
      hit: [
        inParts('AKIA', 'IOSFODNN7EXAMPLE'),
        inParts('key=ASIA', 'Y34FZKBOKMUTVV7A;'),
        inParts('first line\\nAKIA', 'Y34FZKBOKMUTVV7A'),
        inParts('AKIA', 'QYLPMNVDXZHTRBWG'),
        inParts('s3://a-bucket/backups/of/all/machines/AKIA', 'Y34FZKBOKMUTVV7A/2026'),
      ],
      miss: [
        'AKIA' + 'X'.repeat(16),
        'AKIAIOSFODNN7',
        'AKIAIOSFODNN7EXAMPLELONGER',
        'ASIATICELEPHANTSARELARGE',
        'ASIAPACIFICNORTHEAST',
      ],
    },
  },
  {
    ...secretDefaults,
    id: 'aws-secret-access-key',
    title: 'AWS secret access key',
    source:
      'AWS IAM User Guide, Manage access keys: 40 characters of base64 beside their name or their key id',
    literals: [
      'ecret_access_key',
      'ECRET_ACCESS_KEY',
      'ecretAccessKey',
      'ecret-access-key',
      'ecret access key',
      'aws_secret_key',
      'AWS_SECRET_KEY',
      'awsSecretKey',
      'AKIA',
      'ASIA',
    ],
    format: {
      kind: 'pattern',
      pattern: new RegExp(
        `(?i:(?:aws_?s)?ecret[_ -]?(?:access[_ -]?)?key|A[KS]IA[A-Z0-9]{16})(?:\\|{1,4}|${separators})(?<secret>[A-Za-z0-9/+]{54}==|[A-Za-z0-9/+]{40})`,
        'y',
      ),
      alphabet: /[A-Za-z0-9/+=]/,
      check: looksLikeSecretKey,
    },
    examples: {
      hit: [
        inParts('aws_secret_access_key = ', 'wJalrXUtnFEMI/K7MDENG/', 'bPxRfiCYEXAMPLEKEY'),
        inParts('{"SecretAccessKey": "', 'Zr8/0pQmV4nXk2+LtYc7', 'WbH9sDfJ6uEaGi1oMxTq"}'),
        inParts('export AWS_SECRET_ACCESS_KEY=', 'Zr8/0pQmV4nXk2+LtYc7', 'WbH9sDfJ6uEaGi1oMxTq'),
        `  AWS_SECRET_ACCESS_KEY: ${Buffer.from(inParts('Zr8/0pQmV4nXk2+LtYc7', 'WbH9sDfJ6uEaGi1oMxTq')).toString('base64')}`,
        inParts('- name: AWS_SECRET_ACCESS_KEY\n  value: Zr8/0pQmV4nXk2+LtYc7', 'WbH9sDfJ6uEaGi1oMxTq'),
        inParts('AKIA', 'Y34FZKBOKMUTVV7A,', 'Zr8/0pQmV4nXk2+LtYc7', 'WbH9sDfJ6uEaGi1oMxTq'),
      ],
      miss: [
        'aws_secret_access_key = da39a3ee5e6b4b0d3255bfef95601890afd80709',
        'aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY}',
        inParts('commit Zr8/0pQmV4nXk2+LtYc7', 'WbH9sDfJ6uEaGi1oMxTq'),
        'const secretAccessKeyProviderForTheDefaultRegionChain = 1',
      ],
    },
  },
];

/**
 * The sixteen characters are base 32 (documentation uses other digits too). One id in thirty has no digit; words that
 * begin with ASIA have none either, words with AKIA do not exist.
 */
function looksLikeKeyId(id: string): Confidence | null {
  return /^AKIA|[0-9]/.test(id) ? notFiller(id) : null;
}

/** As it is or in base64, as a Kubernetes Secret has it. Hashes in hex have the length too, but neither upper case nor so many different characters. */
function looksLikeSecretKey(written: string): Confidence | null {
  const secret = written.length > 40 ? Buffer.from(written, 'base64').toString('latin1') : written;
  if (!/^[A-Za-z0-9/+]{40}$/.test(secret)) return null;
  const mixed = /[a-z]/.test(secret) && /[A-Z]/.test(secret) && /[0-9/+]/.test(secret);
  return mixed && entropyBits(secret) >= 3.8 ? 'high' : null;
}
