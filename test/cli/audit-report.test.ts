/** What a report tells a person at a terminal. */
import { rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { onTerminal } from '../support/on-terminal.ts';
import { refundDirectory } from '../support/refund-policy.ts';
import { startServer } from '../support/server.ts';

test('of an approval the reason comes first: it is not what is cut', async () => {
  const policyDir = refundDirectory();
  await using server = await startServer({ policyDir });
  const lead = await server.keyFor('mia', ['lead'], ['call', 'approve']);
  const { body: call } = await server.call('refund', { cents: 5000 });
  const reason = 'the customer paid twice, INC-481';
  await server.request('POST', `/v1/approvals/${call.approval.id}`, {
    key: lead,
    body: { decision: 'approve', reason },
  });
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key };
  const told = await onTerminal('audit report approvals', environment);
  expect(told).toMatch(new RegExp(`approval_decided .* ${call.id} reason=${reason} .*…`));
  rmSync(policyDir, { recursive: true });
});
