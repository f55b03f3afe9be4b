/** A policy directory with one tool, `add`, for the role `adder`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `rules`: what follows `subjects` in the policy, from `  rules:` on. */
export function writeAdderPolicy(directory: string, rules: string): void {
  writeFileSync(join(directory, 'add.js'), 'export default ({ n }) => n + 1;\n');
  writeFileSync(
    join(directory, 'policy.yaml'),
    `apiVersion: sallyport/v1
kind: Tool
metadata: {name: add}
spec:
  input: {type: object, additionalProperties: false, required: [n], properties: {n: {type: integer}, note: {type: string}}}
  runtime: {kind: isolate, code: ./add.js}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: adders}
spec:
  subjects: [{roles: [adder]}]
${rules}
`,
  );
}
