import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createPublicKey, verify } from 'node:crypto';
import { canonicalJson } from '../../src/audit/canonical-json.ts';
import { signingKey } from '../../src/audit/checkpoints/signing-key.ts';
import { signStatement } from '../../src/audit/checkpoints/statement.ts';
import { commitmentsOf, genesisHash, linkEvent, sealEvent } from '../../src/audit/chain.ts';

const page = readFileSync(new URL('../../src/audit/FORMAT.md', import.meta.url), 'utf8');
const salt = '0123456789abcdef'.repeat(4);

function block(name: string): string {
  return new RegExp(`<!-- example:${name} -->\n\`\`\`\n([^\`]*)\n\`\`\``).exec(page)?.[1] ?? '';
}

function value(name: string, from = 'values'): string {
  return new RegExp(`^${name} +(\\S+)$`, 'm').exec(block(from))?.[1] ?? '';
}

const sealed = sealEvent(
  {
    type: 'outcome',
    callId: 'call_1',
    tenant: 'default',
    principal: 'alice',
    tool: 'add',
    decision: { effect: 'allow', policy: 'p', rule: 'r', matched: ['p/r'], revision: 'sha256:00' },
    status: 'succeeded',
    content: { args: { n: 1 } },
  },
  {
    id: 'evt_1',
    time: '2026-01-02T03:04:05.678Z',
    writer: 'node-a/api-1',
    nonce: '00112233445566778899aabbccddeeff',
    salt,
    callCommitment: null,
  },
);

test('the code writes the bytes of the worked example', () => {
  const linked = linkEvent(sealed, { sequence: 0, hash: genesisHash });
  expect(linked.canonical).toBe(block('canonical'));
  expect(linked.eventHash).toBe(value('eventHash'));
  expect(linked.previousHash).toBe(value('previousHash'));
  expect(linked.hash).toBe(value('hash'));
  expect(sealed.content).toEqual({ salt, text: '{"args":{"n":1}}' });
});

test('a stranger who follows the page comes to the same values', () => {
  const hex = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');
  expect(hex(block('canonical'))).toBe(value('eventHash'));
  expect(hex(value('previousHash') + value('eventHash'))).toBe(value('hash'));
  expect(hex(`${salt}"args"`)).toBe(value('memberSalt'));
  expect(hex(`${value('memberSalt')}{"n":1}`)).toBe(value('commitment'));
});

test('the commitments are found again from salt and content, and hide without the salt', () => {
  expect(commitmentsOf('{"args":{"n":1}}', salt)).toEqual({ args: value('commitment') });
  expect(commitmentsOf('{"args":{"n":1}}', '0'.repeat(64))).not.toEqual({ args: value('commitment') });
  expect(commitmentsOf('{"args": {"n":1}}', salt)).toBeNull();
});

test('the code signs the statement of the worked example', () => {
  const signed = signStatement(
    {
      heads: [{ writer: 'node-a/api-1', sequence: 1, hash: value('hash') }],
      time: '2026-01-02T03:05:05.678Z',
    },
    signingKey(Buffer.alloc(32, 1)),
  );
  expect(canonicalJson(signed.statement)).toBe(block('statement'));
  expect(signed.signature).toBe(value('signature', 'signature'));
});

test('a stranger who follows the page finds the signature good, and bad for any other statement', () => {
  const der = Buffer.from(`302a300506032b6570032100${value('publicKey', 'signature')}`, 'hex');
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const signature = Buffer.from(value('signature', 'signature'), 'hex');
  const isGood = (statement: string) =>
    verify(null, Buffer.from(`sallyport checkpoint 1\n${statement}`), key, signature);
  expect(isGood(block('statement'))).toBe(true);
  expect(isGood(block('statement').replace('"sequence":1', '"sequence":2'))).toBe(false);
});
