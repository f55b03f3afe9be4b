/**
 * A process of the mixed load: says `ready` once it could begin, gets its plan as the first message, ends with the second
 * where the plan has no end of its own.
 */
import { constants, setPriority } from 'node:os';
import { beEager } from './eager.ts';
import { flood } from './flood.ts';
import { beHonest } from './honest.ts';
import type { Plan, Report } from './plan.ts';
import { beSlow } from './slow.ts';

// A test that ran out of time is not there any more.
process.once('disconnect', () => process.exit());

const planned = nextMessage<Plan>();
process.send?.('ready');
const plan = await planned;
// On machines of their own, what it takes to send that would be no burden of the server.
if (plan.role === 'flood' || plan.role === 'slow') setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
const report = await run(plan);
process.send?.(report, () => process.exit());

function run(plan: Plan): Promise<Report> {
  switch (plan.role) {
    case 'honest':
      return beHonest(plan, () => process.send?.('measuring'));
    case 'flood':
      return flood(plan, nextMessage());
    case 'eager':
      return beEager(plan, () => process.send?.('answered'));
    case 'slow':
      return beSlow(plan, nextMessage());
  }
}

function nextMessage<Message = void>(): Promise<Message> {
  return new Promise((resolve) => process.once('message', (message) => resolve(message as Message)));
}
