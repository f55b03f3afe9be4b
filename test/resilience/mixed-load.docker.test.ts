/** A tenant that floods and a client that is slow are nobody else's trouble. The long form is `test/soak/mixed-load.soak.ts`. */
import { beforeAll, expect, test } from 'vitest';
import { buildImages } from '../support/container-calls.ts';
import { MixedLoad, startLoadedServer } from '../support/mixed-load/mixed-load.ts';
import type { Report } from '../support/mixed-load/plan.ts';
import { expectAllRecorded } from '../support/mixed-load/recorded.ts';

const seconds = 6;
/** Two of each sort: beside other tests, on the cores that they share. */
const floodConnections = 52;

beforeAll(async () => await buildImages('shell'), 600_000);

test('beside a flood and a slow client honest tenants get every answer they ask for, and it is on the record', async () => {
  await using server = await startLoadedServer();
  const load = await MixedLoad.prepare(server);
  const { honest, flood, slow } = await load.all(seconds, floodConnections);

  expect(honest.failures).toEqual([]);
  expect(honest.samples.length).toBe(144);
  expect(answersOf(flood)).toBeGreaterThan(100);
  expect(slow.statuses['slow, body']?.['opened']).toBeGreaterThan(0);
  expect(await server.stop()).toEqual({ code: 0, signal: null });

  await using again = await startLoadedServer({ dataDir: server.dataDir });
  await expectAllRecorded(again, honest.acknowledged);
}, 180_000);

function answersOf({ statuses }: Report): number {
  const counts = Object.values(statuses).flatMap((own) => Object.values(own));
  return counts.reduce((sum, count) => sum + count, 0);
}
