/**
 * `GET /docs`: the OpenAPI document as one page to read, without scripts and without anything from elsewhere. Anybody
 * may ask: it is written once.
 */
import type { Route } from '../route.ts';
import { requestSchemas } from '../schemas.ts';

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** `routes` is asked for with the first request: this route is one of them. */
export function docsRoute(routes: () => readonly Route[], version: string): Route {
  let text: Buffer | null = null;
  return {
    method: 'get',
    path: '/docs',
    scope: null,
    operationId: 'getDocs',
    summary: 'This API, to read',
    success: { status: 200, description: 'One page.', mediaType: 'text/html' },
    problems: [],
    audits: [],
    handler: (_request, response) => {
      text ??= Buffer.from(page(routes(), version));
      response.set('Content-Type', 'text/html; charset=utf-8').send(text);
    },
  };
}

function page(routes: readonly Route[], version: string): string {
  const schemas = Object.entries(requestSchemas).map(
    ([name, schema]) => `<h3 id="${name}">${name}</h3><pre>${escaped(JSON.stringify(schema, null, 2))}</pre>`,
  );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sallyport ${escaped(version)}: HTTP API</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark; }
code, pre { font: 14px/1.4 ui-monospace, monospace; } pre { overflow: auto; padding: 1rem; border: 1px solid; }
section { border-top: 1px solid; padding: .5rem 0; } h2 code { font-size: 1rem; } td, th { text-align: left; padding: 0 1rem 0 0; vertical-align: top; }
</style>
<h1>Sallyport ${escaped(version)}: HTTP API</h1>
<p>For programs: <a href="/openapi.json">/openapi.json</a>. Keys go as <code>Authorization: Bearer spk_…</code>.</p>
${routes.map(section).join('\n')}
<h2>Bodies</h2>
${schemas.join('\n')}
</html>`;
}

function section(route: Route): string {
  const { body, headers = {}, method, path, problems, query = {}, rawBody, scope, success, summary } = route;
  const shown = path.replaceAll(/[:*](\w+)/g, '{$1}');
  const rows = [
    ['key', scope === null ? 'none' : `scope ${scope}`],
    ...Object.entries(query).map(([name, { description }]) => [`?${name}`, description]),
    ...Object.entries(headers).map(([name, { description }]) => [name, description]),
    [String(success.status), success.description],
    ...(success.accepted === undefined ? [] : [['202', success.accepted]]),
    ...(problems.length === 0 ? [] : [['problems', problems.join(', ')]]),
  ].map(([name = '', text = '']) => `<tr><th>${escaped(name)}<td>${escaped(text)}`);
  const schema = body === undefined ? '' : `<tr><th>body<td><a href="#${body}">${body}</a>`;
  const bytes = rawBody === undefined ? '' : `<tr><th>body<td>${escaped(rawBody)}`;
  return `<section><h2><code>${method.toUpperCase()} ${escaped(shown)}</code></h2><p>${escaped(summary)}</p><table>${schema}${bytes}${rows.join('')}</table></section>`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => escapes[character] ?? character);
}
