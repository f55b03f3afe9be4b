/**
 * 200 connections for a minute: honest tenants below their limits, one that floods with everything it has, one client
 * that is slow in every way. The same honest requests alone, before, are what they are measured by.
 * Honest agents are at work when it begins, with the connections that they have; from its first moment on all counts.
 *
 * Clients would be on other machines: their processes have started before any load begins, and those of the flood and of
 * the slow client have a lower priority for the processor (`generator.ts`). What they send is none the less for that.
 */
import { expect, test } from 'vitest';
import { MixedLoad, startLoadedServer } from '../support/mixed-load/mixed-load.ts';
import { expectAllRecorded } from '../support/mixed-load/recorded.ts';
import { byKind, byTenant, compare, percentile, slowest, statusLines } from '../support/mixed-load/table.ts';

const warmUpSeconds = 10;
const quietSeconds = 30;
const loadSeconds = 60;
/** Of the 99th percentile, against the quiet one. */
const slowdownMax = 3;

test('a flood and a slow client cost honest tenants no answer, and no more than three times the time', async () => {
  await using server = await startLoadedServer();
  const load = await MixedLoad.prepare(server);
  await load.honest(warmUpSeconds);
  const quiet = await load.honest(quietSeconds);
  const { honest, flood, slow } = await load.all(loadSeconds);
  const tables = [
    compare(byTenant(quiet), byTenant(honest)),
    compare(byKind(quiet), byKind(honest)),
    slowest(honest),
    statusLines([quiet, honest, flood, slow]),
  ];
  process.stdout.write(`\n${tables.join('\n\n')}\n`);

  expect(quiet.failures).toEqual([]);
  expect(honest.failures).toEqual([]);
  const before = byTenant(quiet);
  for (const [tenant, samples] of byTenant(honest)) {
    const ratio = percentile(samples, 0.99) / percentile(before.get(tenant) ?? [], 0.99);
    expect({ tenant, ratio, isFast: ratio <= slowdownMax }).toMatchObject({ isFast: true });
  }
  // What the flood left running and waiting has its end on the record then.
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await using again = await startLoadedServer({ dataDir: server.dataDir });
  await expectAllRecorded(again, [...quiet.acknowledged, ...honest.acknowledged]);
});
