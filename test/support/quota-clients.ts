/** Clients that call one tool until a quota says no, and what the records then say. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer, TestServer } from './server.ts';

/** `wait {ms}` waits; these quotas are on it. */
export function policyWith(...quotas: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'policy-'));
  writeFileSync(
    join(directory, 'policy.yaml'),
    `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: wait, title: Wait, description: Waits.}
spec:
  input: {type: object, additionalProperties: false, required: [ms], properties: {ms: {type: integer, minimum: 0, maximum: 60000}}}
  runtime: {kind: isolate, code: ./wait.js}
  limits: {timeout: 2m}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: everyone}
spec:
  subjects: [{}]
  rules: [{name: all, effect: allow, tools: [wait]}]
  quotas: [${quotas.join(', ')}]
`,
  );
  writeFileSync(
    join(directory, 'wait.js'),
    'export default ({ ms }) => new Promise((done) => setTimeout(() => done(ms), ms));\n',
  );
  return directory;
}

export interface SpendOptions {
  readonly clients: number;
  /** Who is there now; a client takes the one with its own number. */
  readonly servers: () => readonly TestServer[];
  /** Hears of every call that succeeded. */
  readonly onSuccess?: (count: number) => void;
}

/** Calls from all clients at once until each was refused for a quota. A server that is gone is tried again, or another. */
export async function spend({ clients, servers, onSuccess }: SpendOptions): Promise<number> {
  let succeeded = 0;
  const client = async (number: number): Promise<void> => {
    for (let turn = 0; ; turn++) {
      const there = servers();
      const server = there[(number + turn) % there.length];
      const answer = server === undefined ? null : await reached(server.call('wait', { ms: 0 }));
      if (answer === null) {
        await new Promise((resolve) => setImmediate(resolve));
      } else if (answer.status === 200) {
        succeeded += 1;
        onSuccess?.(succeeded);
      } else if (answer.body.code === 'quota_exceeded') {
        return;
      } else {
        throw new Error(`an answer of another kind: ${JSON.stringify(answer.body)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return succeeded;
}

/** Null when the server went away. */
async function reached(answer: Promise<Answer>): Promise<Answer | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** Calls that a server's record says were let through; at most 1,000 are counted. */
export async function countIntents(server: TestServer): Promise<number> {
  const answer = await server.request('GET', '/v1/audit/events?type=intent&limit=1000');
  return answer.body.items.length;
}
