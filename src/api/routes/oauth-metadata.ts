import type { Request, Response } from 'express';
import type { Route } from '../route.ts';

export interface OauthMetadata {
  readonly issuer: string;
  /** null: what the request calls it. */
  readonly publicUrl: URL | null;
}

const path = '/.well-known/oauth-protected-resource';

/** RFC 9728: where an MCP client gets a token for `/mcp`. At the place for that path, and at the one for the whole host. */
export function oauthMetadataRoutes(metadata: OauthMetadata): readonly Route[] {
  const places = { getMcpProtectedResource: `${path}/mcp`, getProtectedResource: path };
  return Object.entries(places).map(([operationId, at]) => ({
    method: 'get',
    path: at,
    scope: null,
    operationId,
    summary: 'Which authorization server gives tokens for /mcp',
    success: {
      status: 200,
      schema: 'ProtectedResource',
      description: 'OAuth 2.0 Protected Resource Metadata (RFC 9728).',
    },
    problems: [],
    audits: [],
    handler(request, response) {
      response.set('Cache-Control', 'no-store').json({
        resource: `${originOf(metadata, request)}/mcp`,
        authorization_servers: [metadata.issuer],
        bearer_methods_supported: ['header'],
        resource_name: 'Sallyport',
      });
    },
  }));
}

/** Tells a client without a token, on its 401, where the metadata is. */
export function challengeWith(metadata: OauthMetadata): NonNullable<Route['challenge']> {
  return (request) => `resource_metadata="${originOf(metadata, request)}${path}/mcp"`;
}

/** Of a `Host` that is none the answer is of no use to whoever sent it, and to nobody else. */
function originOf({ publicUrl }: OauthMetadata, request: Request): string {
  if (publicUrl !== null) return publicUrl.origin;
  const host = request.get('host') ?? '';
  return `${request.protocol}://${/^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost'}`;
}

/** For `sendProblem`, which knows no routes. */
export function rememberChallenge(route: Route, request: Request, response: Response): void {
  if (route.challenge !== undefined) response.locals['challenge'] = route.challenge(request);
}
