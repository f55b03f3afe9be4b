/** A policy directory with one isolate tool whose large calls a lead of the tenant has to approve. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const code = 'export default ({ cents }) => ({ paid: cents });\n';

/** `more` goes into the rule that asks; `slow` makes the tool run until it is ended. */
export function refundDirectory({ expires = '1h', slow = false, quotas = '' } = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'refund-'));
  writeFileSync(join(directory, 'refund.js'), slow ? 'export default () => { for (;;); };\n' : code);
  writeRefundPolicy(directory, { expires, quotas });
  return directory;
}

export function writeRefundPolicy(directory: string, { expires = '1h', quotas = '', more = '' } = {}): void {
  writeFileSync(
    join(directory, 'policy.yaml'),
    `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: refund, title: Refund, description: Pays back.}
spec:
  input: {type: object, additionalProperties: false, required: [cents], properties: {cents: {type: integer, minimum: 1}, note: {type: string, maxLength: 2000}}}
  runtime: {kind: isolate, code: ./refund.js}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: payers}
spec:
  subjects: [{}]
  rules:
    - {name: small, effect: allow, tools: [refund], when: args.cents <= 1000}
    - name: large
      effect: require_approval
      tools: [refund]
      when: args.cents > 1000
      message: A lead has to agree.
      approval: {approvers: [{roles: [lead]}], expires: ${expires}}
${more}
${quotas === '' ? '' : `  quotas: [${quotas}]`}
`,
  );
}
