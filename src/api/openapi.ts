/** The OpenAPI 3.1 document, from the same routes that serve and the same schemas that validate. */
import { answerSchemas } from './answers/index.ts';
import { problemKinds } from './problem.ts';
import { isShed } from './route.ts';
import type { Route } from './route.ts';
import { requestSchemas } from './schemas.ts';

const problemSchema = {
  type: 'object',
  description: 'RFC 9457. A 4xx or 5xx means that this request ran nothing.',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId', 'retryable'],
  // Further members are of the code.
  additionalProperties: true,
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { enum: Object.keys(problemKinds) },
    requestId: { type: 'string' },
    callId: { type: 'string' },
    retryable: { type: 'boolean' },
  },
};

export function createOpenApi(routes: readonly Route[], version: string): object {
  const tags = new Set(routes.map(({ path }) => tagOf(path)));
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/[:*](\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sallyport', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'spk_<id>_<secret>' } },
      schemas: { ...requestSchemas, ...answerSchemas, Problem: problemSchema },
    },
    tags: [...tags].toSorted().map((name) => ({ name })),
    paths,
  };
}

/** `calls` for `/v1/calls/:id`; what is outside the versioned API, such as `/health`, is the server's. */
function tagOf(path: string): string {
  return /^\/v1\/(\w+)/.exec(path)?.[1] ?? 'server';
}

function operation(route: Route): object {
  const names = [...route.path.matchAll(/[:*](\w+)/g)].map((match) => match[1] ?? '');
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(route.query ?? {}).map(([name, { description, ...rest }]) => ({
      name,
      in: 'query',
      description,
      schema: { type: 'string', ...rest },
    })),
    ...Object.entries(route.headers ?? {}).map(([name, { description, charsMax }]) => ({
      name,
      in: 'header',
      description,
      schema: { type: 'string', maxLength: charsMax },
    })),
  ];
  return {
    operationId: route.operationId,
    tags: [tagOf(route.path)],
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.scope === null
      ? { security: route.readsKey === true ? [{}, { key: [] }] : [] }
      : { security: [{ key: [] }], 'x-scope': route.scope }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: { $ref: `#/components/schemas/${route.body}` } } },
          },
        }),
    ...(route.rawBody === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            description: route.rawBody,
            content: { [route.rawBodyMediaType ?? 'application/octet-stream']: { schema: {} } },
          },
        }),
    ...(route.audits.length === 0 ? {} : { 'x-audits': route.audits }),
    responses: responses(route),
    'x-audit-events': route.audits,
  };
}

/** Of a success, by media type: the schema is that of JSON, all else has none. */
function contentOf({
  mediaType = 'application/json',
  otherMediaTypes = [],
  schema,
}: Route['success']): object {
  const json = schema === undefined ? {} : { $ref: `#/components/schemas/${schema}` };
  const types = [mediaType, ...otherMediaTypes];
  return Object.fromEntries(types.map((type) => [type, { schema: type === 'application/json' ? json : {} }]));
}

function responses(route: Route): object {
  const { status, description, accepted } = route.success;
  const content = status === 204 ? {} : { content: contentOf(route.success) };
  const codes = new Set([
    ...route.problems,
    ...(isShed(route) ? (['overloaded'] as const) : []),
    ...(route.scope === null
      ? []
      : ([
          'unauthenticated',
          'insufficient_scope',
          'rate_limited',
          'identity_unavailable',
          'overloaded',
        ] as const)),
  ]);
  const byStatus = Map.groupBy(codes, (code) => problemKinds[code].status);
  const problems = [...byStatus].map(([problemStatus, members]) => {
    const other = route.otherAnswers?.[problemStatus];
    const titles = members.map((code) => `${code}: ${problemKinds[code].title}`);
    const schema = {
      allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: members } } }],
    };
    return [
      String(problemStatus),
      {
        description: [...titles, ...(other === undefined ? [] : [other])].join('. '),
        content: {
          'application/problem+json': { schema },
          ...(other === undefined ? {} : contentOf(route.success)),
        },
      },
    ] as const;
  });
  const others = Object.entries(route.otherAnswers ?? {}).map(
    ([otherStatus, meaning]) => [otherStatus, { description: meaning, ...content }] as const,
  );
  return {
    [String(status)]: { description, ...content },
    ...(accepted === undefined ? {} : { '202': { description: accepted, ...content } }),
    ...Object.fromEntries(others),
    ...Object.fromEntries(problems),
  };
}
