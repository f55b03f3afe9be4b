/** The data image on the whole path: a plot comes back as a picture that a browser shows. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Artifact } from '../../src/model/call.ts';
import { buildImages } from '../support/container-calls.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  await buildImages('python-data');
  server = await startServer();
}, 600_000);
afterAll(async () => await server[Symbol.asyncDispose]());

const plot = `
import numpy as np, pandas as pd
import matplotlib.pyplot as plt
days = pd.date_range("2026-01-01", periods=90)
table = pd.DataFrame({"day": days, "calls": 100 + 40 * np.sin(np.arange(90) / 9) + np.arange(90)})
weekly = table.resample("W", on="day")["calls"].mean()
figure, axes = plt.subplots(figsize=(8, 4.5), dpi=100)
axes.plot(table["day"], table["calls"], label="daily")
axes.step(weekly.index, weekly.values, label="weekly mean")
axes.set_title("Calls a day — Zugriffe für März")
axes.legend()
figure.savefig("/work/out/plot.png")
figure.savefig("/work/out/plot.svg")
table.to_csv("/work/out/calls.csv", index=False)
round(float(weekly.mean()), 2)
`;

test('a plot comes back as a PNG artifact of its size, beside the table and a drawing', async () => {
  const { body } = await server.call('python_data_run', { code: plot });
  expect(body).toMatchObject({ status: 'succeeded', result: 151.68, output: { stderr: '' } });
  const artifacts = body.artifacts as Artifact[];
  expect(
    artifacts.map(({ name, mediaType }) => `${name} ${mediaType}`).sort((a, b) => a.localeCompare(b)),
  ).toEqual(['calls.csv text/csv', 'plot.png image/png', 'plot.svg image/svg+xml']);
  const picture = artifacts.find(({ name }) => name === 'plot.png');
  const response = await fetch(server.url + (picture?.url ?? ''), {
    headers: { Authorization: `Bearer ${server.key}` },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(response.headers.get('content-type')).toBe('image/png');
  expect(response.headers.get('content-disposition')).toBe('inline');
  expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([800, 450]);
  expect(bytes.subarray(-8).toString('latin1')).toMatch(/^IEND/);
});
