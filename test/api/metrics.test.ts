import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

test('a call is counted by tool and outcome, and so is what happened to it on the way', async () => {
  await using server = await startServer({ environment: noEngine });
  await server.call('js_run', { code: 'return 1' });
  await server.call('js_run', { code: 'throw new Error("no")' });
  await server.call('js_run', {});
  await server.call('made_up_tool', {});
  const { body } = await server.request('GET', '/metrics', { key: null });
  const samples = (body as string).split('\n');
  expect(samples).toEqual(
    expect.arrayContaining([
      'sallyport_calls_total{tool="js_run",status="succeeded",runtime="isolate"} 1',
      'sallyport_calls_total{tool="js_run",status="failed",runtime="isolate"} 1',
      'sallyport_call_duration_seconds_count{tool="js_run",status="succeeded",runtime="isolate"} 1',
      'sallyport_calls_refused_total{code="invalid_arguments",tool="js_run"} 1',
      'sallyport_calls_refused_total{code="unknown_tool",tool=""} 1',
      'sallyport_call_queue_duration_seconds_count 2',
      'sallyport_decision_duration_seconds_count{effect="allow"} 2',
      'sallyport_quota_lease_duration_seconds_count{outcome="leased"} 2',
      'sallyport_quota_leases_open 0',
      'sallyport_boundary_filter_duration_seconds_count{what="output"} 2',
      'sallyport_dependency_up{dependency="record"} 1',
      'sallyport_dependency_up{dependency="container"} 0',
      'sallyport_disk_room 1',
      'sallyport_isolate_calls_waiting{runner="child process"} 0',
    ]),
  );
  const value = (start: string): number =>
    Number(
      samples
        .find((line) => line.startsWith(start))
        ?.split(' ')
        .at(-1),
    );
  expect(value('sallyport_record_write_duration_seconds_count{outcome="stored"}')).toBeGreaterThan(4);
  const claims = 'sallyport_isolate_claims_total{runner="child process",outcome=';
  expect(value(`${claims}"hit"}`) + value(`${claims}"miss"}`)).toBe(2);
  expect(value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
});

test('with an address of their own, metrics are there and nowhere else', async () => {
  const port = await freePort();
  await using server = await startServer({
    environment: { ...noEngine, SALLYPORT_METRICS_ADDRESS: `127.0.0.1:${port}` },
  });
  expect((await server.request('GET', '/metrics')).status).toBe(404);
  const own = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(own.headers.get('content-type')).toContain('text/plain');
  expect(await own.text()).toContain('sallyport_calls_running 0');
  expect((await fetch(`http://127.0.0.1:${port}/v1/tools`)).status).toBe(404);
});

test('SALLYPORT_METRICS=off serves none', async () => {
  await using server = await startServer({ environment: { ...noEngine, SALLYPORT_METRICS: 'off' } });
  expect((await server.request('GET', '/metrics', { key: null })).status).toBe(404);
});

test('an address for metrics that is taken stops the start, and the words name the variable', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  await expect(
    startServer({ environment: { ...noEngine, SALLYPORT_METRICS_ADDRESS: `127.0.0.1:${port}` } }),
  ).rejects.toThrow('SALLYPORT_METRICS_ADDRESS');
  taken.close();
});
