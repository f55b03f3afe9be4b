import { expect, test } from 'vitest';
import type { OpenApiDocument, Operation } from '../support/contract.ts';
import { startServer } from '../support/server.ts';

test('the page to read names every operation, runs nothing and loads nothing', async () => {
  await using server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
  const { body, headers, status } = await server.request('GET', '/docs', { key: null });
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
  const { paths } = (await server.request('GET', '/openapi.json')).body as { paths: Record<string, object> };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(operations.length).toBeGreaterThan(40);
  expect(operations.filter((operation) => !String(body).includes(`<code>${operation}</code>`))).toEqual([]);
  expect(body).not.toMatch(/<script|<link|<img|src=|url\(|https?:\/\/(?!json-schema)/i);
});

test('a path that there is not names both forms of the document', async () => {
  await using server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
  const { body, status } = await server.request('GET', '/', { key: null });
  expect(status).toBe(404);
  expect(body).toMatchObject({
    detail: 'There is no /; GET /openapi.json lists what there is, GET /docs shows it as a page.',
  });
});

test('every answer in JSON has a schema that says what is in it', async () => {
  await using server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
  const { body } = await server.request('GET', '/openapi.json', { key: null });
  const { components, paths } = body as OpenApiDocument;
  const bare: string[] = [];
  for (const [path, methods] of Object.entries(paths))
    for (const [method, { responses }] of Object.entries(methods))
      for (const [status, { content = {} }] of Object.entries(responses as Operation['responses'])) {
        const schema: { readonly $ref?: string } | null = content['application/json']?.schema ?? null;
        const name = schema?.$ref?.split('/').at(-1) ?? '';
        if (schema !== null && !(name in components.schemas)) bare.push(`${method} ${path} ${status}`);
      }
  expect(bare).toEqual([]);
});
