/** Names by which generated clients call the API. A change here breaks them: say so in the CHANGELOG. */
import { expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import type { OpenApiDocument } from '../support/contract.ts';

test('operations have their names, each once, under the tag of their part of the API', async () => {
  await using server = await startServer({
    environment: {
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      SALLYPORT_OIDC_ISSUER: 'https://issuer.example',
      SALLYPORT_OIDC_AUDIENCE: 'sallyport',
      SALLYPORT_OIDC_SCOPES: 'call=*',
    },
  });
  const { body } = await server.request('GET', '/openapi.json', { key: null });
  const { paths, tags } = body as OpenApiDocument & { readonly tags: readonly { readonly name: string }[] };
  const named = Object.values(paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId, tags: own }) => `${String(own)}: ${String(operationId)}`),
  );
  const expected = Object.entries(operations).flatMap(([tag, names]) =>
    names.split(' ').map((name) => `${tag}: ${name}`),
  );
  expect(named.toSorted()).toEqual(expected.toSorted());
  expect(tags.map(({ name }) => name)).toEqual(Object.keys(operations));
});

const operations: Readonly<Record<string, string>> = {
  approvals: 'decideApproval getApproval listApprovals',
  artifacts: 'getArtifact',
  audit:
    'eraseContent exportAudit getAuditEvent getAuditedCall listAuditEvents listCheckpoints listHolds noteBackup releaseHold setHold tailAudit verifyAudit',
  blocks: 'addBlock listBlocks removeBlock',
  calls: 'cancelCall createCall followCall getCall listCalls',
  decisions: 'decide',
  files: 'getUploadedFile listUploadedFiles readUploadedFile removeUploadedFile uploadFile',
  keys: 'createKey listKeys revokeKey',
  policy: 'activatePolicy getPolicy getPolicyRevision listPolicyRevisions reloadPolicy unpinPolicy',
  server:
    'getDocs getHealth getMcpProtectedResource getMetrics getOpenApi getProtectedResource getReadiness postMcp',
  sessions:
    'endSession getSession listSessionFiles listSessions openSession putSessionFile readSessionFile removeSessionFile',
  tools: 'listTools',
};
