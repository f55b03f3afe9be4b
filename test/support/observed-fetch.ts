/**
 * Every answer that a test server gives to `fetch`, ours, the client's or another library's, is held to the OpenAPI
 * document of that server. What does not fit makes the server's disposal throw, so that no caller can swallow it.
 */
import { Contract } from './contract.ts';
import type { OpenApiDocument } from './contract.ts';

/** By text: servers of one configuration have the same document, and compiling its schemas takes a moment. */
const contracts = new Map<string, Contract>();

interface Observed {
  readonly contract: Contract;
  readonly violations: string[];
}

/** By origin. */
const servers = new Map<string, Observed>();
const { fetch: fetchDirectly } = globalThis;

/** Observes what the server at this URL answers from now on. */
export async function observeAnswers(url: string): Promise<readonly string[]> {
  const text = await (await fetchDirectly(`${url}/openapi.json`)).text();
  const contract = contracts.get(text) ?? new Contract(JSON.parse(text) as OpenApiDocument);
  contracts.set(text, contract);
  const violations: string[] = [];
  servers.set(new URL(url).origin, { contract, violations });
  globalThis.fetch = observedFetch;
  return violations;
}

async function observedFetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetchDirectly(input, init);
  const url = new URL(input instanceof Request ? input.url : input);
  const observed = servers.get(url.origin);
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
  if (observed === undefined || method === 'HEAD') return response;
  const mediaType = response.headers.get('content-type')?.split(';')[0] ?? null;
  const text = await bodyText(response, mediaType);
  if (text === null) return response;
  const path = url.pathname + url.search;
  const violation = observed.contract.violation({ method, path, status: response.status, mediaType, text });
  if (violation !== null) observed.violations.push(`${method} ${path}: ${violation}: ${text.slice(0, 500)}`);
  return response;
}

/** Of JSON alone: all else may be a stream, of which nothing is said but its type. Null where it broke off. */
async function bodyText(response: Response, mediaType: string | null): Promise<string | null> {
  if (mediaType === null) return '';
  if (!/^application\/(.+\+)?json$/.test(mediaType)) return '(not JSON)';
  try {
    return await response.clone().text();
  } catch {
    return null;
  }
}
