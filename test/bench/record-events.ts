/** The events that the benches of the record write, and the questions that they ask of a million of them. */
import { createIdSource, createRandomSource } from '../../src/calls/ids.ts';
import type { EventQuery, RecordStore, RecordWrite } from '../../src/audit/record.ts';

/** Writes that wait for the record at once. */
export const inFlight = 64;

export function sources() {
  const randomBytes = createRandomSource();
  const clock = { now: () => Date.now() };
  return { randomBytes, newId: createIdSource(randomBytes), writer: 'bench/api-1', clock };
}

const tools = ['python_run', 'js_run', 'shell_run', 'csv_profile'];
const statuses = ['failed', 'timed_out', 'crashed', 'blocked'] as const;

/** An outcome as a call leaves it: decision, runtime, usage, a finding now and then, some content. */
function outcome(number: number): RecordWrite {
  const isDenied = number % 500 === 0;
  return {
    events: [
      {
        type: isDenied ? 'denied' : 'outcome',
        callId: `call_${String(number).padStart(26, '0')}`,
        tenant: `tenant-${number % 7}`,
        principal: `agent-${number % 211}`,
        key: `key${number % 50}`,
        requestId: `req_${number}`,
        tool: tools[number % tools.length] ?? '',
        decision: {
          effect: isDenied ? 'deny' : 'allow',
          policy: 'developers',
          rule: `rule-${number % 23}`,
          matched: [`developers/rule-${number % 23}`],
          revision: `sha256:${'0'.repeat(64)}`,
        },
        status: number % 97 === 0 ? (statuses[number % statuses.length] ?? 'failed') : 'succeeded',
        runtime: { kind: 'isolate', confinement: 'bwrap', image: null, warm: true },
        usage: { queueMs: 0, wallMs: 10.9, cpuMs: 7.8, memoryPeakBytes: 577_536, outputBytes: 13 },
        content: {
          args: { code: `return input.a + ${number}`, input: { a: 1, b: 'two' } },
          result: { sum: number, text: `answer number ${number}` },
          labels: { ticket: `T-${number % 5_000}` },
        },
      },
    ],
  };
}

/** Appends `count` events, numbered after `from`, so many at once in flight; milliseconds. */
export async function append(record: RecordStore, from: number, count: number): Promise<number> {
  const startedAt = performance.now();
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < from + count) await record.write(outcome((next += 1)));
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return performance.now() - startedAt;
}

/** Filters as auditors use them, a little different each time. `middle` is the time of an event in the middle. */
export const questions: Readonly<Record<string, (index: number, middle: string) => Partial<EventQuery>>> = {
  newest: () => ({}),
  principal: (index) => ({ principal: `agent-${index}` }),
  'principal and failed': (index) => ({ principal: `agent-${index}`, status: 'failed' }),
  'denied by a rule in a tenant': (index) => ({
    tenant: `tenant-${index % 7}`,
    effect: 'deny',
    rule: `rule-${index % 23}`,
  }),
  label: (index) => ({ label: `ticket=T-${index}` }),
  'key and tool': (index) => ({ key: `key${index}`, tool: tools[index % 4] ?? '' }),
  'rare word': (index) => ({ text: `${index * 7919 + 5}` }),
  'frequent words': () => ({ text: 'answer number' }),
  'frequent word of a principal': (index) => ({ text: 'answer', principal: `agent-${index}` }),
  'frequent word that failed': () => ({ text: 'answer', status: 'failed' }),
  'frequent word with a key': (index) => ({ text: 'answer', key: `key${index}` }),
  'frequent word of nobody': (index) => ({ text: 'answer', principal: `nobody-${index}` }),
  'two words never together': (index) => ({ text: `${index * 7919 + 5} ${index * 7919 + 6}` }),
  'older half of a tool': (index, middle) => ({ tool: tools[index % 4] ?? '', to: middle }),
  'word in the older half': (_index, middle) => ({ text: 'answer', to: middle }),
};
