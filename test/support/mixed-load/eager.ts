/** Connections that each ask again as soon as they are answered, until the server takes no more of them. */
import { Agent } from 'node:http';
import { ask } from './ask.ts';
import type { Answer } from './ask.ts';
import { Tally } from './plan.ts';
import type { EagerPlan, Report } from './plan.ts';

/** What connections ask for, one after the other. Containers take a moment, so that some run whenever the server stops. */
const kinds = [
  'isolate',
  'async',
  'isolate',
  'container',
  'isolate',
  'decide',
  'isolate',
  'async',
  'isolate',
  'isolate',
] as const;
type Kind = (typeof kinds)[number];

/** Ends by itself when the server is gone. `onAnswers` is told once there were `answersMin`. */
export async function beEager(plan: EagerPlan, onAnswers: () => void): Promise<Report> {
  const tally = new Tally();
  let answers = 0;
  const onAnswer = (): void => {
    answers += 1;
    if (answers === plan.answersMin) onAnswers();
  };
  await Promise.all(
    Array.from({ length: plan.connections }, (_, name) => keepAsking(plan, name, tally, onAnswer)),
  );
  return tally.report();
}

async function keepAsking(plan: EagerPlan, name: number, tally: Tally, onAnswer: () => void): Promise<void> {
  const kind = kinds[name % kinds.length] ?? 'isolate';
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let turn = 0; ; turn += 1) {
    try {
      const answer = await askFor(plan, agent, kind, `${name}-${turn}`);
      tally.count(kind, answer.status);
      onAnswer();
      const fault = faultOf(answer, kind);
      if (fault !== null) tally.failures.push(fault);
      else if (answer.status < 300 && kind !== 'decide') {
        const { id, status } = answer.body as { id: string; status: string };
        tally.acknowledged.push({ id, status });
      }
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === 'ECONNREFUSED') break;
      // Closed in the moment it asked: the record says whether anything came of it.
      tally.count(kind, 'lost');
    }
  }
  agent.destroy();
}

function askFor({ key, url }: EagerPlan, agent: Agent, kind: Kind, mark: string): Promise<Answer> {
  const isolate = { tool: 'js_run', args: { code: `return '${mark}'` } };
  const post = (path: string, body: object, headers = {}): Promise<Answer> =>
    ask(agent, { url, key, method: 'POST', path, body, headers });
  switch (kind) {
    case 'isolate':
      return post('/v1/calls', isolate);
    case 'async':
      return post('/v1/calls', isolate, { Prefer: 'respond-async' });
    case 'container':
      return post('/v1/calls', { tool: 'shell_run', args: { script: `sleep 0.3; echo ${mark}` } });
    case 'decide':
      return post('/v1/decisions', isolate);
  }
}

/** What is no answer that a client can go on with; null: all is well. */
function faultOf({ headers, status, text }: Answer, kind: Kind): string | null {
  if (status === 200 || status === 202) return null;
  if (status === 503 && headers['retry-after'] !== undefined) return null;
  return `${kind}: ${status} ${text.slice(0, 300)}`;
}
