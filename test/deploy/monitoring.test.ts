/** Dashboards and alerts ask for what the server really has. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

import { repository, startServer } from '../support/server.ts';

const folder = path.join(repository, 'deploy/monitoring');
const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8');

function alertExpressions(): string[] {
  const { groups } = parse(read('alerts.yml')) as { groups: { rules: { expr: string }[] }[] };
  return groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
}

function dashboardExpressions(): string[] {
  const { panels } = JSON.parse(read('grafana/dashboards/sallyport.json')) as {
    panels: { targets: { expr: string }[] }[];
  };
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}

test('every metric of an alert or a dashboard is one that a server shows', async () => {
  await using server = await startServer();
  const page = String((await server.request('GET', '/metrics')).body);
  const families = new Set([...page.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));

  const expressions = [...alertExpressions(), ...dashboardExpressions()];
  const named = expressions.flatMap((text) => text.match(/\b(sallyport|nodejs|process)_\w+/g) ?? []);

  expect(named.length).toBeGreaterThan(20);
  const unknown = named.filter(
    (name) => !families.has(name.replace(/_(bucket|count|sum)$/, '')) && !families.has(name),
  );
  expect(unknown).toEqual([]);
});
