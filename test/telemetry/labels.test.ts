import { expect, test } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.ts';

test('however many tools are called, only so many are told apart', async () => {
  const metrics = createMetrics();
  for (let index = 0; index < 1000; index += 1) metrics.callEnded(`tool_${index}`, 'succeeded', 'isolate', 1);
  const calls = (await metrics.registry.getMetricsAsJSON()).find(
    ({ name }) => name === 'sallyport_calls_total',
  );
  expect(calls?.values).toHaveLength(201);
  expect(calls?.values.at(-1)).toMatchObject({ labels: { tool: 'other' }, value: 800 });
});
