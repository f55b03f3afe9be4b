/** SIGTERM while 200 connections ask without a pause. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildImages } from '../support/container-calls.ts';
import { beginEagerly, startLoadedServer } from '../support/mixed-load/mixed-load.ts';
import { expectAllRecorded } from '../support/mixed-load/recorded.ts';

const drainMs = 20_000;

let dataDir = '';
beforeAll(async () => {
  await buildImages('shell');
  dataDir = mkdtempSync(path.join(tmpdir(), 'sallyport-stopped-'));
}, 600_000);
afterAll(() => rmSync(dataDir, { recursive: true }));

test('SIGTERM in the middle of the load loses nothing: what was acknowledged has its end, the rest is told to come back', async () => {
  await using server = await startLoadedServer({
    dataDir,
    environment: { SALLYPORT_DRAIN_MS: String(drainMs) },
  });
  const key = await server.keyFor('agent-of-north', ['agent'], ['call'], 'north');
  const load = await beginEagerly(server, key, 250);
  await load.answered;
  const stoppedAt = performance.now();
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(performance.now() - stoppedAt).toBeLessThan(drainMs);
  const { acknowledged, failures, statuses } = await load.report;

  expect(failures).toEqual([]);
  expect(statuses['isolate']).toMatchObject({ 200: expect.any(Number), 503: expect.any(Number) });
  await using again = await startLoadedServer({ dataDir });
  const outcomes = await expectAllRecorded(again, acknowledged);
  // Within the drain time everything that ran came to its own end.
  expect([...outcomes.values()].filter((status) => status !== 'succeeded')).toEqual([]);
}, 180_000);
