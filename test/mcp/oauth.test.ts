/** What an MCP client needs to get a token by itself, where tokens are taken. */
import { expect, test } from 'vitest';
import { mcpPolicyDirectory, postMcp, sendMcp } from '../support/mcp.ts';
import { audience, OidcIssuer } from '../support/oidc-issuer.ts';
import { startServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

test('a client without a token is told where to get one, and its token opens the door', async () => {
  await using issuer = await OidcIssuer.start();
  await using server = await startServer({
    policyDir: mcpPolicyDirectory(),
    environment: {
      ...noEngine,
      SALLYPORT_OIDC_ISSUER: issuer.url,
      SALLYPORT_OIDC_AUDIENCE: audience,
      SALLYPORT_OIDC_SCOPES: 'call=*',
    },
  });
  const { headers, status } = await postMcp(server, '{"jsonrpc":"2.0","id":1,"method":"ping"}', {});
  expect(status).toBe(401);
  const where = /resource_metadata="([^"]+)"/.exec(headers.get('www-authenticate') ?? '')?.[1] ?? '';
  expect(where).toBe(`${server.url}/.well-known/oauth-protected-resource/mcp`);
  expect(await (await fetch(where)).json()).toMatchObject({
    resource: `${server.url}/mcp`,
    authorization_servers: [issuer.url],
    bearer_methods_supported: ['header'],
  });
  const token = await issuer.token({ claims: { roles: [] } });
  const listed = await sendMcp(server, token, '2026-07-28', { method: 'tools/list' });
  expect(listed.body.result.tools.length).toBeGreaterThan(0);
});

test('where only keys are taken there is no metadata, and no word of it', async () => {
  await using server = await startServer({ policyDir: mcpPolicyDirectory(), environment: noEngine });
  const { headers } = await postMcp(server, '{}', {});
  expect(headers.get('www-authenticate')).toBe('Bearer realm="sallyport"');
  const asked = await server.request('GET', '/.well-known/oauth-protected-resource/mcp', { key: null });
  expect(asked.status).toBe(404);
});
