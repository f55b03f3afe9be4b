import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventCatalogue } from '../../../src/audit/events.ts';
import type { EventType } from '../../../src/audit/events.ts';
import { linkEvent, sealEvent } from '../../../src/audit/chain.ts';
import { ocsfLines } from '../../../src/audit/export/ocsf.ts';
import type { EventDraft } from '../../../src/audit/record.ts';
import type { ExportRow } from '../../../src/audit/export/record-export.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../fixtures/ocsf/required.json', import.meta.url), 'utf8'),
) as { $defs: object };
const ajv = new Ajv2020({ strict: false, allErrors: true });
const validators = {
  6003: ajv.compile({ $ref: '#/$defs/apiActivity', $defs: schema.$defs }),
  2004: ajv.compile({ $ref: '#/$defs/detectionFinding', $defs: schema.$defs }),
};

function row(draft: EventDraft, fitsFilter = true): ExportRow {
  const stamp = { id: 'evt_1', time: '2026-01-02T03:04:05.678Z', writer: 'n/api-1', nonce: '00', salt: '11' };
  const sealed = sealEvent(draft, { ...stamp, callCommitment: null });
  const linked = linkEvent(sealed, { sequence: 0, hash: '0'.repeat(64) });
  return { kind: 'event', ...linked, content: sealed.content, fitsFilter };
}

async function convert(draft: EventDraft): Promise<readonly Record<string, unknown>[]> {
  async function* rows(): AsyncGenerator<ExportRow> {
    yield row(draft);
    yield row({ type: 'checkpoint' }, false);
    yield { kind: 'omitted', writer: 'n', sequence: 2, eventHash: '00' };
  }
  const lines: Record<string, unknown>[] = [];
  for await (const line of ocsfLines({ heads: [], rows: rows() }, '0.1.0'))
    lines.push(JSON.parse(line) as Record<string, unknown>);
  return lines;
}

const finding = {
  detector: 'iban',
  action: 'redact',
  where: '/a',
  count: 1,
  confidence: 'high',
  via: [],
} as const;
const boundary = { verdict: 'redacted', findings: [finding], scanned: [] } as const;

test('every kind of event has what its class requires, alone and with everything that it can have', async () => {
  for (const type of Object.keys(eventCatalogue) as EventType[]) {
    const full: EventDraft = {
      type,
      callId: 'call_1',
      tenant: 'default',
      principal: 'alice',
      key: 'k1',
      requestId: 'req_1',
      tool: 'python_run',
      status: 'failed',
      decision: { effect: 'allow', policy: 'p', rule: 'r', matched: ['p/r'], revision: 'sha256:00' },
      boundary,
      details: { what: 'x' },
      content: { address: '10.0.0.1', args: {} },
    };
    for (const draft of [{ type }, full]) {
      const objects = await convert(draft);
      expect(objects.length).toBe(draft === full || type === 'decoy_tripped' ? 2 : 1);
      for (const object of objects) {
        const validate = validators[object['class_uid'] as keyof typeof validators];
        validate(object);
        expect({ type, errors: validate.errors }).toEqual({ type, errors: null });
        expect(object['type_uid']).toBe(Number(object['class_uid']) * 100 + Number(object['activity_id']));
      }
    }
  }
});

test('says who did what from where, how it ended, and where it stands in the chain', async () => {
  const [activity, detection] = await convert({
    type: 'denied',
    principal: 'alice',
    tenant: 'blue',
    tool: 'js_run',
    boundary,
    content: { address: '10.0.0.1' },
  });
  expect(activity).toMatchObject({
    class_uid: 6003,
    activity_id: 99,
    status_id: 2,
    severity_id: 2,
    actor: { user: { uid: 'alice', domain: 'blue' } },
    api: { operation: 'js_run' },
    src_endpoint: { ip: '10.0.0.1' },
    unmapped: { writer: 'n/api-1', sequence: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(detection).toMatchObject({ class_uid: 2004, finding_info: { title: 'The boundary found iban' } });
});
